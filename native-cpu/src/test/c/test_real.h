/* Blocks of a template's REAL (see vector.h). */
static REAL* NAME(block)(int64_t n) {
    return check_block((size_t)n * sizeof(REAL));
}

static REAL* NAME(random_block)(int64_t n, double low, double high) {
    REAL* x = NAME(block)(n);
    for (int64_t i = 0; i < n; i++) {
        x[i] = (REAL)check_uniform(low, high);
    }
    return x;
}

/* Runs a kernel with 1 thread and with 3: what it writes to `out` may not differ by a bit. */
static int32_t NAME(run)(adj_kernel* kernel, const void* args, REAL* out, int64_t n) {
    const size_t bytes = (size_t)n * sizeof(REAL);
    REAL* before = NAME(block)(n);
    REAL* alone = NAME(block)(n);
    memcpy(before, out, bytes);
    adj_pool_start(1);
    kernel(args);
    adj_pool_stop();
    memcpy(alone, out, bytes);
    memcpy(out, before, bytes);
    adj_pool_start(3);
    const int32_t status = kernel(args);
    adj_pool_stop();
    CHECK(memcmp(alone, out, bytes) == 0, "3 threads differ from 1");
    free(before);
    free(alone);
    return status;
}
