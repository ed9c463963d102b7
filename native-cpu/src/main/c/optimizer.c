/*
 * Optimizer steps: one pass over the memory of many tensors. Coefficients are computed in double
 * and rounded once to the tensors' type; every weight is rounded once per step.
 */
#include <math.h>

#include "common.h"
#include "mathx.h"

enum { LEAST_GRAIN = 8192 };

/* ---- stochastic gradient descent ---- */

enum { SGD_W, SGD_G, SGD_BUFFER, SGD_LENGTH, SGD_WORDS };

typedef struct {
    const adj_sgd_args* args;
    int64_t elements;
    int64_t grain;
} sgd;

static int32_t run_sgd(const adj_sgd_args* a, adj_body* step) {
    sgd s = {.args = a, .elements = adj_total(a->words + SGD_LENGTH, SGD_WORDS, a->count)};
    s.grain = adj_grain(s.elements, LEAST_GRAIN);
    adj_for_chunks(s.elements, s.grain, step, &s);
    a->hyper[1] += 1;
    return ADJ_OK;
}

#define SGD(S, T)                                                                              \
    static void sgd_##S(void* ctx, int64_t chunk) {                                            \
        const sgd* s = ctx;                                                                    \
        const adj_sgd_args* a = s->args;                                                       \
        const T rate = (T)a->hyper[0];                                                         \
        const T decay = (T)a->weight_decay;                                                    \
        const T momentum = (T)a->momentum;                                                     \
        /* The first step starts the buffers, whatever they held. */                           \
        const bool first = a->hyper[1] == 0;                                                   \
        const T intake = first ? (T)1 : (T)(1 - a->dampening);                                 \
        const bool nesterov = a->nesterov != 0;                                                \
        const adj_range range = adj_chunk(s->elements, s->grain, chunk);                       \
        adj_span span = adj_spans(a->words + SGD_LENGTH, SGD_WORDS, range);                    \
        while (adj_next_span(&span)) {                                                         \
            const int64_t* words = a->words + span.tensor * SGD_WORDS;                         \
            T* w = (T*)words[SGD_W] + span.first;                                              \
            const T* g = (const T*)words[SGD_G] + span.first;                                  \
            if (!words[SGD_BUFFER]) {                                                          \
                ADJ_INDEPENDENT                                                                \
                for (int64_t i = 0; i < span.n; i++) {                                         \
                    w[i] -= rate * (g[i] + decay * w[i]);                                      \
                }                                                                              \
                continue;                                                                      \
            }                                                                                  \
            T* buffer = (T*)words[SGD_BUFFER] + span.first;                                    \
            ADJ_INDEPENDENT                                                                    \
            for (int64_t i = 0; i < span.n; i++) {                                             \
                const T gradient = g[i] + decay * w[i];                                        \
                const T kept = first ? (T)0 : momentum * buffer[i];                            \
                const T velocity = kept + intake * gradient;                                   \
                buffer[i] = velocity;                                                          \
                w[i] -= rate * (nesterov ? gradient + momentum * velocity : velocity);         \
            }                                                                                  \
        }                                                                                      \
    }                                                                                          \
    ADJ_EXPORT int32_t adj_sgd_##S(const void* args) {                                         \
        return run_sgd(args, sgd_##S);                                                         \
    }
SGD(f32, float)
SGD(f64, double)

/* ---- AdamW ---- */

enum { ADAMW_W, ADAMW_G, ADAMW_M, ADAMW_V, ADAMW_LENGTH, ADAMW_WORDS };

typedef struct {
    const adj_adamw_args* args;
    int64_t elements;
    int64_t grain;
    double step;  /* learning rate over the first moment's bias correction */
    double scale; /* one over the root of the second moment's bias correction */
} adamw;

static int32_t run_adamw(const adj_adamw_args* a, adj_body* step) {
    const double t = a->hyper[1] + 1;
    adamw s = {
        .args = a,
        .elements = adj_total(a->words + ADAMW_LENGTH, ADAMW_WORDS, a->count),
        .step = a->hyper[0] / (1 - pow(a->beta1, t)),
        .scale = 1 / sqrt(1 - pow(a->beta2, t)),
    };
    s.grain = adj_grain(s.elements, LEAST_GRAIN);
    adj_for_chunks(s.elements, s.grain, step, &s);
    a->hyper[1] = t;
    return ADJ_OK;
}

#define ADAMW(S, T)                                                                                \
    static void adamw_##S(void* ctx, int64_t chunk) {                                              \
        const adamw* s = ctx;                                                                      \
        const adj_adamw_args* a = s->args;                                                         \
        const T step = (T)s->step;                                                                 \
        const T scale = (T)s->scale;                                                               \
        const T decay = (T)(a->hyper[0] * a->weight_decay);                                        \
        const T eps = (T)a->eps;                                                                   \
        const T beta1 = (T)a->beta1;                                                               \
        const T beta2 = (T)a->beta2;                                                               \
        const T intake1 = (T)(1 - a->beta1);                                                       \
        const T intake2 = (T)(1 - a->beta2);                                                       \
        const adj_range range = adj_chunk(s->elements, s->grain, chunk);                           \
        adj_span span = adj_spans(a->words + ADAMW_LENGTH, ADAMW_WORDS, range);                    \
        while (adj_next_span(&span)) {                                                             \
            const int64_t* words = a->words + span.tensor * ADAMW_WORDS;                           \
            T* w = (T*)words[ADAMW_W] + span.first;                                                \
            const T* g = (const T*)words[ADAMW_G] + span.first;                                    \
            T* m = (T*)words[ADAMW_M] + span.first;                                                \
            T* v = (T*)words[ADAMW_V] + span.first;                                                \
            ADJ_INDEPENDENT                                                                        \
            for (int64_t i = 0; i < span.n; i++) {                                                 \
                const T mean = beta1 * m[i] + intake1 * g[i];                                      \
                const T square = beta2 * v[i] + intake2 * g[i] * g[i];                             \
                m[i] = mean;                                                                       \
                v[i] = square;                                                                     \
                w[i] -= decay * w[i] + step * mean / (adj_sqrt(square) * scale + eps);             \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    ADJ_EXPORT int32_t adj_adamw_##S(const void* args) {                                           \
        return run_adamw(args, adamw_##S);                                                         \
    }
ADAMW(f32, float)
ADAMW(f64, double)

/* ---- scaling, as gradient clipping needs it ---- */

typedef struct {
    const adj_scale_args* args;
    int64_t elements;
    int64_t grain;
} scale;

static int32_t run_scale(const adj_scale_args* a, adj_body* multiply) {
    scale s = {.args = a, .elements = adj_total(a->words + a->count, 1, a->count)};
    s.grain = adj_grain(s.elements, LEAST_GRAIN);
    adj_for_chunks(s.elements, s.grain, multiply, &s);
    return ADJ_OK;
}

#define SCALE(S, T)                                                                     \
    static void scale_##S(void* ctx, int64_t chunk) {                                   \
        const scale* s = ctx;                                                           \
        const int64_t* words = s->args->words;                                          \
        const T factor = *(const T*)s->args->factor;                                    \
        const adj_range range = adj_chunk(s->elements, s->grain, chunk);                \
        adj_span span = adj_spans(words + s->args->count, 1, range);                    \
        while (adj_next_span(&span)) {                                                  \
            T* x = (T*)words[span.tensor] + span.first;                                 \
            ADJ_INDEPENDENT                                                             \
            for (int64_t i = 0; i < span.n; i++) {                                      \
                x[i] *= factor;                                                         \
            }                                                                           \
        }                                                                               \
    }                                                                                   \
    ADJ_EXPORT int32_t adj_scale_##S(const void* args) {                                \
        return run_scale(args, scale_##S);                                              \
    }
SCALE(f32, float)
SCALE(f64, double)
