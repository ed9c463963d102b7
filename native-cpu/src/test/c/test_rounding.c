/*
 * Kernels give the same bits whatever floating-point arithmetic the calling thread, or the one that
 * started the workers, has been set to; and the thread keeps its setting.
 */
#include "check.h"
#include "kernels.h"
#include "runtime.h"
#include "runtime/rounding.h"

#if defined(__x86_64__)
static const struct {
    const char* name;
    uint64_t bits;
} settings[] = {
    {"flush to zero, denormals are zero", 0x8040},
    {"round down", 0x2000},
    {"round up", 0x4000},
    {"truncate", 0x6000},
};
#else
static const struct {
    const char* name;
    uint64_t bits;
} settings[] = {
    {"flush to zero", 1 << 24},
    {"round up", 1 << 22},
    {"round down", 2 << 22},
    {"truncate", 3 << 22},
};
#endif
enum { SETTINGS = sizeof settings / sizeof settings[0], N = 1 << 20, THREADS = 3 };

static float* x;

adj_kernel adj_mul_scalar_f32;
adj_kernel adj_add_scalar_f32;
adj_kernel adj_exp_f32;
adj_kernel adj_softmax_f32;
adj_kernel adj_reduce_sum_f32;

static int64_t bits(double value) {
    int64_t word;
    memcpy(&word, &value, sizeof word);
    return word;
}

/* Five kernels, each on its own part of out. */
static void run_all(float* out, int64_t n, int as_list) {
    const int64_t in = (int64_t)x;
    const int64_t to[] = {(int64_t)out, (int64_t)(out + n), (int64_t)(out + 2 * n),
                          (int64_t)(out + 3 * n), (int64_t)(out + 4 * n)};
    const adj_call calls[] = {
        {adj_mul_scalar_f32, (int64_t[]){in, to[0], bits(0.1), 0, 1, n, 1, 1}},
        {adj_add_scalar_f32, (int64_t[]){in, to[1], bits(1.0 / 3), 0, 1, n, 1, 1}},
        {adj_exp_f32, (int64_t[]){in, to[2], 1, n, 1, 1}},
        {adj_softmax_f32, (int64_t[]){in, to[3], n / 256, 256}},
        {adj_reduce_sum_f32, (int64_t[]){in, to[4], 1, n, 1, 0}},
    };
    const int64_t count = sizeof calls / sizeof calls[0];
    if (as_list) {
        CHECK(adj_replay(calls, count) == -1, "replay");
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        CHECK(adj_run(calls[i].kernel, calls[i].args) == ADJ_OK, "call %" PRId64, i);
    }
}

static void test_settings(int64_t n) {
    const size_t bytes = (size_t)(4 * n + 1) * sizeof(float);
    float* expected = check_block(bytes);
    float* actual = check_block(bytes);
    run_all(expected, n, 0);
    for (int s = 0; s < SETTINGS; s++) {
        const uint64_t mine = ADJ_DEFAULT_ROUNDING | settings[s].bits;
        adj_set_rounding(mine);
        adj_pool_start(THREADS);
        for (int as_list = 0; as_list < 2; as_list++) {
            memset(actual, 0xff, bytes);
            run_all(actual, n, as_list);
            const uint64_t after = adj_rounding();
            CHECK(memcmp(actual, expected, bytes) == 0, "%s, n = %" PRId64 "%s", settings[s].name,
                  n, as_list ? ", as a list" : "");
            CHECK(after == mine, "%s: %" PRIx64 " afterwards", settings[s].name, after);
        }
        adj_set_rounding(ADJ_DEFAULT_ROUNDING);
    }
    free(expected);
    free(actual);
}

int main(void) {
    x = check_block(N * sizeof *x);
    for (int64_t i = 0; i < N; i++) {
        /* A tenth of a number that is hardly normal is subnormal. */
        const double scale = i % 3 ? 8 : 4 * (double)FLT_MIN;
        x[i] = (float)check_uniform(-scale, scale);
    }
    adj_pool_start(THREADS);
    test_settings(256);
    test_settings(N);
    adj_pool_stop();
    free(x);
    return check_report("rounding");
}
