/*
 * The thread pool: one job at a time. Each thread has a span of its chunks and claims them in
 * order, one by one; when it has no more, it takes from the end of others' spans. So a thread sees
 * the same part of a tensor again in the next job, in caches that may not be the others', and still
 * nobody waits for one that is late.
 *
 * A span has chunks left only while a job runs, and a job ends only when every claimed chunk is
 * done. So whoever claims a chunk may read the job's fields, and workers that sleep or come late
 * hold nobody up. Idle workers spin for a while, because the next kernel is mostly some
 * microseconds away, then sleep on a futex; so does a caller who waits for the last chunk.
 */
#define _GNU_SOURCE
#include "parallel.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "rounding.h"
#include "runtime.h"

/* Two lines, because x86 prefetches lines in pairs. */
#define CACHE_ALIGNED _Alignas(128)

enum {
    SPIN_NANOS = 50 * 1000,
    HOT_SPIN_NANOS = 1000 * 1000, /* while a recorded list runs, the next region is near */
    PAUSES_PER_LOOK = 32,         /* between two looks at the clock */
};

static struct {
    /* Written by the caller before it publishes the spans. */
    CACHE_ALIGNED adj_body* body;
    void* ctx;

    CACHE_ALIGNED _Atomic int32_t jobs;       /* changes with every job */
    CACHE_ALIGNED _Atomic int32_t unfinished; /* a futex of the caller's */
    CACHE_ALIGNED atomic_bool caller_sleeps;
    CACHE_ALIGNED _Atomic int32_t sleepers; /* workers that sleep or are about to */
    CACHE_ALIGNED _Atomic int32_t alarm;    /* a futex of theirs; changes with every wake-up */
    CACHE_ALIGNED _Atomic int32_t hot;      /* recorded lists running now */
    CACHE_ALIGNED atomic_bool busy;         /* a caller owns the pool */
    CACHE_ALIGNED atomic_bool stopping;
    _Atomic int32_t threads; /* the caller included; 0 before the first start counts as 1 */
} pool;

/* Each thread's unclaimed chunks of the current job; the caller's come first. */
static struct {
    CACHE_ALIGNED _Atomic uint64_t range; /* the next chunk, and the end in the lower half */
} spans[ADJ_MAX_THREADS];

static pthread_mutex_t lifecycle = PTHREAD_MUTEX_INITIALIZER;
static pthread_t* workers;

static void pause_cpu(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb");
#endif
}

static int64_t now_nanos(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void futex_wait(_Atomic int32_t* word, int32_t expected) {
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, NULL, NULL, 0);
}

static void futex_wake(_Atomic int32_t* word, int32_t waiters) {
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, waiters, NULL, NULL, 0);
}

/* Whether the word took (`until` false: left) a value within the time that spinning is allowed. */
static bool spin(_Atomic int32_t* word, int32_t value, bool until) {
    int64_t start = 0;
    for (;;) {
        for (int i = 0; i < PAUSES_PER_LOOK; i++) {
            if ((atomic_load_explicit(word, memory_order_acquire) == value) == until) {
                return true;
            }
            pause_cpu();
        }
        const int64_t now = now_nanos();
        if (start == 0) {
            start = now; /* not before the first look, which mostly succeeds */
        }
        const bool hot = atomic_load_explicit(&pool.hot, memory_order_relaxed) > 0;
        if (now - start > (hot ? HOT_SPIN_NANOS : SPIN_NANOS) ||
            atomic_load_explicit(&pool.stopping, memory_order_relaxed)) {
            return false;
        }
    }
}

/* A chunk of a thread's span, or -1: the next one for itself, the last one for others. */
static int64_t claim(int32_t thread, bool own) {
    _Atomic uint64_t* range = &spans[thread].range;
    uint64_t r = atomic_load_explicit(range, memory_order_acquire);
    for (;;) {
        const uint64_t next = r >> 32;
        const uint64_t end = r & UINT32_MAX;
        if (next >= end) {
            return -1;
        }
        const uint64_t rest = own ? (next + 1) << 32 | end : next << 32 | (end - 1);
        if (atomic_compare_exchange_weak_explicit(range, &r, rest, memory_order_acq_rel,
                                                  memory_order_acquire)) {
            return (int64_t)(own ? next : end - 1);
        }
    }
}

/* Runs chunks of the current job, if there is one, until none is unclaimed. */
static void run_chunks(int32_t self) {
    const int32_t threads = adj_pool_threads();
    for (int32_t i = 0; i < threads; i++) {
        int64_t chunk;
        while ((chunk = claim((self + i) % threads, i == 0)) >= 0) {
            pool.body(pool.ctx, chunk);
            /* Sequentially consistent with the caller's announcement that it sleeps. */
            if (atomic_fetch_sub(&pool.unfinished, 1) == 1 && atomic_load(&pool.caller_sleeps)) {
                futex_wake(&pool.unfinished, 1);
            }
        }
    }
}

static void sleep_until_work(int32_t seen) {
    const int32_t before = atomic_load(&pool.alarm);
    atomic_fetch_add(&pool.sleepers, 1);
    /* A caller publishes first and counts sleepers second, this thread the other way round: one
     * of the two sees the other. */
    if (atomic_load(&pool.jobs) == seen && !atomic_load(&pool.stopping)) {
        futex_wait(&pool.alarm, before);
    }
    atomic_fetch_sub(&pool.sleepers, 1);
}

/* Makes sure that so many workers, if there are as many, are awake. */
static void wake_workers(int32_t wanted) {
    const int32_t sleepers = atomic_load(&pool.sleepers);
    const int32_t awake = adj_pool_threads() - 1 - sleepers;
    if (sleepers > 0 && awake < wanted) {
        atomic_fetch_add(&pool.alarm, 1);
        futex_wake(&pool.alarm, wanted - awake);
    }
}

static void* work(void* self) {
    int32_t seen = 0;
    adj_set_rounding(ADJ_DEFAULT_ROUNDING); /* not that of the thread that created this one */
    while (!atomic_load(&pool.stopping)) {
        if (spin(&pool.jobs, seen, false)) {
            seen = atomic_load_explicit(&pool.jobs, memory_order_acquire);
            run_chunks((int32_t)(intptr_t)self);
        } else {
            sleep_until_work(seen);
        }
    }
    return NULL;
}

static void acquire_pool(void) {
    while (atomic_exchange_explicit(&pool.busy, true, memory_order_acquire)) {
        sched_yield();
    }
}

static void release_pool(void) {
    atomic_store_explicit(&pool.busy, false, memory_order_release);
}

int32_t adj_pool_threads(void) {
    const int32_t threads = atomic_load_explicit(&pool.threads, memory_order_relaxed);
    return threads > 1 ? threads : 1;
}

static void stop(void) {
    acquire_pool();
    atomic_store(&pool.stopping, true);
    atomic_fetch_add(&pool.alarm, 1);
    futex_wake(&pool.alarm, INT_MAX);
    const int32_t count = adj_pool_threads() - 1;
    for (int32_t i = 0; i < count; i++) {
        pthread_join(workers[i], NULL);
    }
    free(workers);
    workers = NULL;
    atomic_store(&pool.threads, 1);
    atomic_store(&pool.stopping, false);
    release_pool();
}

/*
 * Signals to the process are for its other threads. Those that a fault of the thread itself raises
 * must arrive: blocked, they end the process before the JVM's handler can write its report.
 */
static void fill_blocked(sigset_t* signals) {
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
    sigfillset(signals);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        sigdelset(signals, faults[i]);
    }
}

static void start(int32_t threads) {
    const int32_t wanted = (threads < ADJ_MAX_THREADS ? threads : ADJ_MAX_THREADS) - 1;
    if (wanted <= 0) {
        return;
    }
    workers = calloc((size_t)wanted, sizeof *workers);
    if (!workers) {
        return;
    }
    sigset_t blocked;
    sigset_t before;
    fill_blocked(&blocked);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    atomic_store(&pool.jobs, 0); /* where workers begin */
    int32_t started = 0;
    while (started < wanted &&
           pthread_create(&workers[started], NULL, work, (void*)(intptr_t)(started + 1)) == 0) {
        pthread_setname_np(workers[started], "adjoint-worker");
        started++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    atomic_store(&pool.threads, started + 1);
}

void adj_pool_start(int32_t threads) {
    pthread_mutex_lock(&lifecycle);
    stop();
    start(threads);
    pthread_mutex_unlock(&lifecycle);
}

void adj_pool_stop(void) {
    pthread_mutex_lock(&lifecycle);
    stop();
    pthread_mutex_unlock(&lifecycle);
}

static void run_inline(int64_t chunks, adj_body* body, void* ctx) {
    for (int64_t chunk = 0; chunk < chunks; chunk++) {
        body(ctx, chunk);
    }
}

void adj_parallel_for(int64_t chunks, adj_body* body, void* ctx) {
    if (chunks <= 1 || chunks > INT32_MAX || adj_pool_threads() == 1 ||
        atomic_exchange_explicit(&pool.busy, true, memory_order_acquire)) {
        run_inline(chunks, body, ctx);
        return;
    }
    pool.body = body;
    pool.ctx = ctx;
    atomic_store_explicit(&pool.unfinished, (int32_t)chunks, memory_order_relaxed);
    const int64_t threads = adj_pool_threads();
    const int64_t shares = chunks < threads ? chunks : threads; /* other spans stay empty */
    for (int64_t t = 0; t < shares; t++) {
        const uint64_t next = (uint64_t)(chunks * t / shares);
        const uint64_t end = (uint64_t)(chunks * (t + 1) / shares);
        atomic_store_explicit(&spans[t].range, next << 32 | end, memory_order_release);
    }
    atomic_fetch_add(&pool.jobs, 1);
    wake_workers((int32_t)chunks - 1);
    run_chunks(0);
    if (!spin(&pool.unfinished, 0, true)) {
        atomic_store(&pool.caller_sleeps, true);
        int32_t left;
        while ((left = atomic_load(&pool.unfinished)) != 0) {
            futex_wait(&pool.unfinished, left);
        }
        atomic_store(&pool.caller_sleeps, false);
    }
    release_pool();
}

void adj_pool_keep_hot(bool hot) {
    /* No wake-up here: a list without parallel regions should not pay for one. */
    atomic_fetch_add(&pool.hot, hot ? 1 : -1);
}

static void do_nothing(void* ctx, int64_t chunk) {
    (void)ctx;
    (void)chunk;
}

void adj_pool_ping(int64_t times) {
    for (int64_t i = 0; i < times; i++) {
        adj_parallel_for(adj_pool_threads(), do_nothing, NULL);
    }
}
