/* The thread pool: every chunk exactly once, whatever the callers and the numbers; its latency. */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "check.h"
#include "runtime.h"

static int64_t nanos(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void count_chunk(void* ctx, int64_t chunk) {
    ((int32_t*)ctx)[chunk]++;
}

/* Plain counters on purpose: a chunk run twice or a missing happens-before is a data race. */
static int chunks_run_once(int64_t chunks) {
    int32_t* runs = check_block((size_t)chunks * sizeof *runs);
    memset(runs, 0, (size_t)chunks * sizeof *runs);
    adj_parallel_for(chunks, count_chunk, runs);
    int once = 1;
    for (int64_t i = 0; i < chunks; i++) {
        once &= runs[i] == 1;
    }
    free(runs);
    return once;
}

static void test_chunks(void) {
    static const int32_t threads[] = {1, 2, 3, 16};
    for (size_t t = 0; t < sizeof threads / sizeof threads[0]; t++) {
        adj_pool_start(threads[t]);
        CHECK(adj_pool_threads() == threads[t], "%d threads", adj_pool_threads());
        for (int64_t chunks = 0; chunks < 200; chunks++) {
            CHECK(chunks_run_once(chunks), "%d threads, %" PRId64 " chunks", threads[t], chunks);
        }
        /* Long enough for the workers to fall asleep in between. */
        for (int i = 0; i < 5; i++) {
            nanosleep(&(struct timespec){.tv_nsec = 300 * 1000}, NULL);
            CHECK(chunks_run_once(100), "%d threads, asleep", threads[t]);
        }
    }
    adj_pool_stop();
    CHECK(adj_pool_threads() == 1, "%d threads after stop", adj_pool_threads());
    CHECK(chunks_run_once(7), "after stop");
}

static void* call_often(void* failed) {
    for (int i = 0; i < 500; i++) {
        if (!chunks_run_once(1 + i % 40)) {
            atomic_fetch_add((_Atomic int*)failed, 1);
        }
    }
    return NULL;
}

static void test_callers(void) {
    enum { CALLERS = 4 };
    pthread_t callers[CALLERS];
    _Atomic int failed = 0;
    adj_pool_start(3);
    for (int i = 0; i < CALLERS; i++) {
        pthread_create(&callers[i], NULL, call_often, &failed);
    }
    for (int i = 0; i < 20; i++) {
        adj_pool_start(1 + i % 4);
    }
    for (int i = 0; i < CALLERS; i++) {
        pthread_join(callers[i], NULL);
    }
    CHECK(failed == 0, "%d regions went wrong", failed);
}

static int32_t succeed(const void* args) {
    (void)args;
    return chunks_run_once(10) ? ADJ_OK : 99;
}

static int32_t refuse(const void* args) {
    (void)args;
    return ADJ_INDEX_OUT_OF_RANGE;
}

static void test_replay(void) {
    adj_pool_start(2);
    const adj_call calls[] = {{succeed, NULL}, {succeed, NULL}, {refuse, NULL}, {succeed, NULL}};
    CHECK(adj_replay(calls, 2) == -1, "a list that succeeds");
    CHECK(adj_replay(calls, 4) == (2 << 8 | ADJ_INDEX_OUT_OF_RANGE), "a list that fails");
    CHECK(adj_replay(calls, 0) == -1, "an empty list");
}

static void test_memory(void) {
    static const int64_t sizes[] = {0, 1, 64, 100, (2 << 20) - 1, 2 << 20, 5 << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char* block = adj_alloc(sizes[i]);
        const uintptr_t alignment = sizes[i] >= 2 << 20 ? 2 << 20 : 64;
        CHECK(block && (uintptr_t)block % alignment == 0, "%" PRId64 " bytes", sizes[i]);
        memset(block, 1, (size_t)sizes[i]);
        adj_free(block);
    }
    CHECK(!adj_alloc(-1), "an impossible size");
}

/* Waits until every thread has arrived: the handover cannot be skipped. */
static void meet(void* ctx, int64_t chunk) {
    (void)chunk;
    _Atomic int32_t* missing = ctx;
    atomic_fetch_sub(missing, 1);
    while (atomic_load_explicit(missing, memory_order_acquire) > 0) {
    }
}

static int compare(const void* a, const void* b) {
    const double x = *(const double*)a;
    const double y = *(const double*)b;
    return (x > y) - (x < y);
}

static void measure_latency(void) {
    enum { SAMPLES = 2001, PINGS = 20 };
    static double ping[SAMPLES];
    static double meeting[SAMPLES];
    adj_pool_start(2);
    adj_pool_ping(1000);
    for (int i = 0; i < SAMPLES; i++) {
        int64_t start = nanos();
        adj_pool_ping(PINGS);
        ping[i] = (double)(nanos() - start) / PINGS;
        _Atomic int32_t missing = 2;
        start = nanos();
        adj_parallel_for(2, meet, &missing);
        meeting[i] = (double)(nanos() - start);
    }
    qsort(ping, SAMPLES, sizeof ping[0], compare);
    qsort(meeting, SAMPLES, sizeof meeting[0], compare);
    printf(
        "empty region, 2 threads: min %.0f ns, median %.0f ns; both threads meet in it: min %.0f"
        " ns, median %.0f ns\n",
        ping[0], ping[SAMPLES / 2], meeting[0], meeting[SAMPLES / 2]);
}

/* The best last: pairs of bfloat16 only where they are faster. */
static void test_order_of_variants(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    const char* const plain = strstr(adj_probe(), "x86-64-v4 ");
    const char* const pairs = strstr(adj_probe(), "x86-64-v4-bf16 ");
    CHECK(plain && pairs, "a variant is missing");
    CHECK((plain > pairs) == (__builtin_cpu_is("intel") != 0), "order of variants");
    CHECK(strstr(adj_probe(), "x86-64-v2 ") == adj_probe(), "the first variant");
#endif
}

int main(void) {
    test_chunks();
    test_callers();
    test_replay();
    test_memory();
    measure_latency();
    adj_pool_stop();
    printf("%s\n", adj_probe());
    CHECK(strstr(adj_probe(), "yes"), "no variant");
    test_order_of_variants();
    return check_report("parallel");
}
