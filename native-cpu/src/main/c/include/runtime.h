/*
 * The base library, one for all instruction-set variants: probe, thread pool, memory, calls, replay.
 */
#ifndef ADJ_RUNTIME_H
#define ADJ_RUNTIME_H

#include "kernels.h"

/* ADJ_ABI_VERSION of the library that was loaded. */
ADJ_EXPORT int32_t adj_abi_version(void);

/*
 * One line per variant, best last: "<name> yes" or "<name> no: <what the CPU or the operating system lacks>".
 * Asks cpuid and xgetbv. A static string.
 */
ADJ_EXPORT const char *adj_probe(void);

/* 64-byte aligned; large blocks on huge pages where the kernel offers them. NULL if there is none. */
ADJ_EXPORT void *adj_alloc(int64_t bytes);
ADJ_EXPORT void adj_free(void *address);

/*
 * Sets the number of threads that kernels may use, the caller included; 1 means none besides it. No
 * more than ADJ_MAX_THREADS, and no more than the system lets the process start:
 * adj_pool_threads tells.
 */
#define ADJ_MAX_THREADS 1024
ADJ_EXPORT void adj_pool_start(int32_t threads);
ADJ_EXPORT int32_t adj_pool_threads(void);
/* Ends the workers and waits for them; adj_pool_start may follow. */
ADJ_EXPORT void adj_pool_stop(void);

/*
 * Runs body(ctx, chunk) for every chunk in [0, chunks), on the pool and the calling thread, and
 * returns when all are done. What a chunk computes may not depend on who runs it. If the pool is
 * serving another caller, the calling thread runs them all. Never call it from inside a body.
 */
typedef void adj_body(void *ctx, int64_t chunk);
ADJ_EXPORT void adj_parallel_for(int64_t chunks, adj_body *body, void *ctx);

/* An empty region over as many chunks as there are threads, `times` times: for measuring. */
ADJ_EXPORT void adj_pool_ping(int64_t times);

/*
 * Runs a kernel with default floating-point arithmetic, whatever the calling thread has set, which
 * is back in force afterwards. Every call from Java goes through here, so that results do not depend
 * on what other libraries did to the thread.
 */
ADJ_EXPORT int32_t adj_run(adj_kernel *kernel, const void *args);

/* Recorded calls in order, each as by adj_run. Returns -1, or (index << 8 | status) of the first that failed. */
typedef struct {
    adj_kernel *kernel;
    const void *args;
} adj_call;
ADJ_EXPORT int64_t adj_replay(const adj_call *calls, int64_t count);

#endif
