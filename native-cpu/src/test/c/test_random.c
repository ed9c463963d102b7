/* Random numbers: known answers of Philox, the draws' order, moments. */
#include "check.h"
#include "kernels.h"
#include "runtime.h"

#define DECLARE(name)                      \
    int32_t adj_##name##_f32(const void*); \
    int32_t adj_##name##_f64(const void*);
DECLARE(uniform)
DECLARE(normal)
DECLARE(dropout)
int32_t adj_next_key(const void* args);

static int64_t bits(double value) {
    int64_t word;
    memcpy(&word, &value, sizeof word);
    return word;
}

static int32_t fill(adj_kernel* kernel, const int64_t* key, void* out, double a, double b,
                    int64_t n) {
    return kernel((int64_t[]){(int64_t)key, (int64_t)out, bits(a), bits(b), n});
}

/* Of the authors' test vectors: counter 0 and key 0. */
static void test_known_answers(void) {
    static const uint32_t words[] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
    const int64_t key[2] = {0, 0};
    float f[4];
    fill(adj_uniform_f32, key, f, 0, 1, 4);
    for (int i = 0; i < 4; i++) {
        CHECK(f[i] == (float)(words[i] >> 8) * 0x1p-24f, "word %d: %a", i, (double)f[i]);
    }
    double d[2];
    fill(adj_uniform_f64, key, d, 0, 1, 2);
    for (int i = 0; i < 2; i++) {
        const uint64_t pair = (uint64_t)words[2 * i + 1] << 32 | words[2 * i];
        CHECK(d[i] == (double)(pair >> 11) * 0x1p-53, "pair %d: %a", i, d[i]);
    }
}

/* Any length gives a prefix of a longer one, across draws and chunks. */
#define TEST_PREFIXES(T, S)                                                             \
    static void test_prefixes_##S(void) {                                               \
        enum { N = 20000 };                                                             \
        static T all[N];                                                                \
        const int64_t key[2] = {INT64_C(0x123456789abcdef), INT64_C(-5)};               \
        adj_kernel* const kernels[] = {adj_uniform_##S, adj_normal_##S};                \
        for (int k = 0; k < 2; k++) {                                                   \
            fill(kernels[k], key, all, -1, 3, N);                                       \
            for (int64_t n = 0; n < N; n = n < 300 ? n + 1 : n * 2 + 1) {               \
                T* some = check_block((size_t)n * sizeof *some);                        \
                fill(kernels[k], key, some, -1, 3, n);                                  \
                CHECK(memcmp(some, all, (size_t)n * sizeof *some) == 0, "%" PRId64, n); \
                free(some);                                                             \
            }                                                                           \
        }                                                                               \
    }
TEST_PREFIXES(float, f32)
TEST_PREFIXES(double, f64)

#define TEST_MOMENTS(T, S)                                                              \
    static void test_moments_##S(void) {                                                \
        enum { N = 1 << 20 };                                                           \
        T* x = check_block(N * sizeof *x);                                              \
        const int64_t key[2] = {42, 7};                                                 \
        fill(adj_normal_##S, key, x, 1, 2, N);                                          \
        double mean = 0;                                                                \
        double fourth = 0;                                                              \
        double square = 0;                                                              \
        for (int i = 0; i < N; i++) {                                                   \
            const double z = ((double)x[i] - 1) / 2;                                    \
            mean += z / N;                                                              \
            square += z * z / N;                                                        \
            fourth += z * z * z * z / N;                                                \
            CHECK(fabs(z) < 7, "%g", z);                                                \
        }                                                                               \
        CHECK(fabs(mean) < 0.005 && fabs(square - 1) < 0.01 && fabs(fourth - 3) < 0.05, \
              "moments %g %g %g", mean, square, fourth);                                \
        free(x);                                                                        \
    }
TEST_MOMENTS(float, f32)
TEST_MOMENTS(double, f64)

/* Float and double drop the same elements: those whose 32-bit uniform is below p. */
static void test_dropout(void) {
    enum { N = 1001 };
    static float u[N], xf[N], outf[N];
    static double xd[N], outd[N];
    const int64_t key[2] = {3, 4};
    for (int i = 0; i < N; i++) {
        xf[i] = (float)i + 1;
        xd[i] = i + 1;
    }
    static const double probabilities[] = {0, 0.1, 0.25, 0.5, 0.999};
    fill(adj_uniform_f32, key, u, 0, 1, N);
    for (int k = 0; k < 5; k++) {
        const double p = probabilities[k];
        const int64_t f[] = {(int64_t)key, (int64_t)xf, (int64_t)outf, bits(p), N};
        const int64_t d[] = {(int64_t)key, (int64_t)xd, (int64_t)outd, bits(p), N};
        adj_dropout_f32(f);
        adj_dropout_f64(d);
        for (int i = 0; i < N; i++) {
            const int kept = (double)u[i] >= p;
            CHECK(outf[i] == (kept ? xf[i] * (float)(1 / (1 - p)) : 0), "%g f32 %d", p, i);
            CHECK(outd[i] == (kept ? xd[i] * (1 / (1 - p)) : 0), "%g f64 %d", p, i);
        }
    }
}

static void test_next_key(void) {
    int64_t state[2] = {11, INT64_MAX};
    int64_t key[2];
    adj_next_key((int64_t[]){(int64_t)state, (int64_t)key});
    CHECK(key[0] == 11 && key[1] == INT64_MAX, "key");
    CHECK(state[0] == 11 && state[1] == INT64_MIN, "the counter wraps");
}

int main(void) {
    adj_pool_start(3);
    test_known_answers();
    test_prefixes_f32();
    test_prefixes_f64();
    test_moments_f32();
    test_moments_f64();
    test_dropout();
    test_next_key();
    adj_pool_stop();
    return check_report("random");
}
