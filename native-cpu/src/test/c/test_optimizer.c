/* Optimizer steps against the rules in double, over several steps and tensors. */
#include "check.h"
#include "kernels.h"
#include "runtime.h"

#define DECLARE(name)                      \
    int32_t adj_##name##_f32(const void*); \
    int32_t adj_##name##_f64(const void*);
DECLARE(sgd)
DECLARE(adamw)
DECLARE(scale)

enum { TENSORS = 5, STEPS = 4 };
static const int64_t lengths[TENSORS] = {1, 0, 67, 20000, 3};

static int64_t bits(double value) {
    int64_t word;
    memcpy(&word, &value, sizeof word);
    return word;
}

static double* make(double low, double high, int64_t n) {
    double* values = check_block((size_t)n * sizeof *values);
    for (int64_t i = 0; i < n; i++) {
        values[i] = (double)(float)check_uniform(low, high);
    }
    return values;
}

#define TEST_OPTIMIZERS(T, S, UNIT)                                                              \
    static T* round_##S(const double* values, int64_t n) {                                       \
        T* rounded = check_block((size_t)n * sizeof *rounded);                                   \
        for (int64_t i = 0; i < n; i++) {                                                        \
            rounded[i] = (T)values[i];                                                           \
        }                                                                                        \
        return rounded;                                                                          \
    }                                                                                            \
    static void test_sgd_##S(double momentum, double dampening, int nesterov) {                  \
        double hyper[2] = {0.1, 0};                                                              \
        const double decay = 0.01;                                                               \
        int64_t words[6 + 4 * TENSORS] = {(int64_t)hyper, bits(momentum), bits(dampening),       \
                                          bits(decay),    nesterov,       TENSORS};              \
        double* w[TENSORS];                                                                      \
        double* g[TENSORS];                                                                      \
        double* buffer[TENSORS];                                                                 \
        for (int k = 0; k < TENSORS; k++) {                                                      \
            int64_t* tensor = words + 6 + 4 * k;                                                 \
            w[k] = make(-1, 1, lengths[k]);                                                      \
            g[k] = make(-1, 1, lengths[k]);                                                      \
            buffer[k] = make(5, 6, lengths[k]); /* the first step must not read it */            \
            tensor[0] = (int64_t)round_##S(w[k], lengths[k]);                                    \
            tensor[1] = (int64_t)round_##S(g[k], lengths[k]);                                    \
            tensor[2] = momentum == 0 ? 0 : (int64_t)round_##S(buffer[k], lengths[k]);           \
            tensor[3] = lengths[k];                                                              \
        }                                                                                        \
        for (int step = 0; step < STEPS; step++) {                                               \
            adj_sgd_##S(words);                                                                  \
            CHECK(hyper[1] == step + 1, "steps");                                                \
            for (int k = 0; k < TENSORS; k++) {                                                  \
                for (int64_t i = 0; i < lengths[k]; i++) {                                       \
                    double update = g[k][i] + decay * w[k][i];                                   \
                    if (momentum != 0) {                                                         \
                        buffer[k][i] = step == 0                                                 \
                                           ? update                                              \
                                           : momentum * buffer[k][i] + (1 - dampening) * update; \
                        update = nesterov ? update + momentum * buffer[k][i] : buffer[k][i];     \
                    }                                                                            \
                    w[k][i] -= hyper[0] * update;                                                \
                    const double actual = (double)((const T*)words[6 + 4 * k])[i];               \
                    CHECK(check_near(actual, w[k][i], 8 * (UNIT)), "sgd_" #S ": %.9g, not %.9g", \
                          actual, w[k][i]);                                                      \
                }                                                                                \
            }                                                                                    \
        }                                                                                        \
        for (int k = 0; k < TENSORS; k++) {                                                      \
            free(w[k]);                                                                          \
            free(g[k]);                                                                          \
            free(buffer[k]);                                                                     \
            for (int word = 0; word < 3; word++) {                                               \
                free((void*)words[6 + 4 * k + word]);                                            \
            }                                                                                    \
        }                                                                                        \
    }                                                                                            \
    static void test_adamw_##S(void) {                                                           \
        double hyper[2] = {0.01, 0};                                                             \
        const double beta1 = 0.9;                                                                \
        const double beta2 = 0.999;                                                              \
        const double eps = 1e-8;                                                                 \
        const double decay = 0.1;                                                                \
        int64_t words[6 + 5 * TENSORS] = {(int64_t)hyper, bits(beta1), bits(beta2),              \
                                          bits(eps),      bits(decay), TENSORS};                 \
        double* values[TENSORS][4]; /* w, g, m, v */                                             \
        for (int k = 0; k < TENSORS; k++) {                                                      \
            int64_t* tensor = words + 6 + 5 * k;                                                 \
            for (int word = 0; word < 4; word++) {                                               \
                values[k][word] = word < 2 ? make(-1, 1, lengths[k]) : make(0, 0, lengths[k]);   \
                tensor[word] = (int64_t)round_##S(values[k][word], lengths[k]);                  \
            }                                                                                    \
            tensor[4] = lengths[k];                                                              \
        }                                                                                        \
        for (int step = 0; step < STEPS; step++) {                                               \
            adj_adamw_##S(words);                                                                \
            CHECK(hyper[1] == step + 1, "steps");                                                \
            const double rate = hyper[0] / (1 - pow(beta1, step + 1));                           \
            const double correction = sqrt(1 - pow(beta2, step + 1));                            \
            for (int k = 0; k < TENSORS; k++) {                                                  \
                for (int64_t i = 0; i < lengths[k]; i++) {                                       \
                    double* w = &values[k][0][i];                                                \
                    const double g = values[k][1][i];                                            \
                    double* m = &values[k][2][i];                                                \
                    double* v = &values[k][3][i];                                                \
                    *w -= hyper[0] * decay * *w;                                                 \
                    *m = beta1 * *m + (1 - beta1) * g;                                           \
                    *v = beta2 * *v + (1 - beta2) * g * g;                                       \
                    *w -= rate * *m / (sqrt(*v) / correction + eps);                             \
                    const double actual = (double)((const T*)words[6 + 5 * k])[i];               \
                    CHECK(check_near(actual, *w, 8 * (UNIT)), "adamw_" #S ": %.9g, not %.9g",    \
                          actual, *w);                                                           \
                }                                                                                \
            }                                                                                    \
        }                                                                                        \
        for (int k = 0; k < TENSORS; k++) {                                                      \
            for (int word = 0; word < 4; word++) {                                               \
                free(values[k][word]);                                                           \
                free((void*)words[6 + 5 * k + word]);                                            \
            }                                                                                    \
        }                                                                                        \
    }                                                                                            \
    static void test_scale_##S(void) {                                                           \
        T a[70];                                                                                 \
        T b[1] = {8};                                                                            \
        const T factor = (T)0.25;                                                                \
        for (int i = 0; i < 70; i++) {                                                           \
            a[i] = (T)i;                                                                         \
        }                                                                                        \
        adj_scale_##S((int64_t[]){(int64_t)&factor, 2, (int64_t)a, (int64_t)b, 70, 1});          \
        for (int i = 0; i < 70; i++) {                                                           \
            CHECK(a[i] == (T)i / 4, "scale_" #S);                                                \
        }                                                                                        \
        CHECK(b[0] == 2, "scale_" #S);                                                           \
    }
TEST_OPTIMIZERS(float, f32, 0x1p-24)
TEST_OPTIMIZERS(double, f64, 0x1p-53)

int main(void) {
    adj_pool_start(3);
    static const double momenta[][2] = {{0, 0}, {0.9, 0}, {0.9, 0.1}};
    for (int k = 0; k < 3; k++) {
        for (int nesterov = 0; nesterov < 2; nesterov++) {
            test_sgd_f32(momenta[k][0], momenta[k][1], nesterov);
            test_sgd_f64(momenta[k][0], momenta[k][1], nesterov);
        }
    }
    test_adamw_f32();
    test_adamw_f64();
    test_scale_f32();
    test_scale_f64();
    adj_pool_stop();
    return check_report("optimizer");
}
