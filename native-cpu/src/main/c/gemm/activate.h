/*
 * Activations (a template, see vector.h): those of elementwise.def, applied to rows of finished
 * sums while they are in the cache.
 */
typedef void TYPE(activation)(const REAL* sums, REAL* out, int64_t n);

#define T REAL
#define ADJ_ACTIVATION(name, forward, saved, gradient)                                \
    static void NAME(activate_##name)(const REAL* sums, REAL* out, int64_t n) { \
        ADJ_INDEPENDENT                                                          \
        for (int64_t i = 0; i < n; i++) {                                        \
            const T x = sums[i];                                                 \
            out[i] = (forward);                                                  \
        }                                                                        \
    }
#include "elementwise.def"
#undef T

static void NAME(activate)(TYPE(activation)* f, int64_t rows, int64_t cols, const REAL* sums,
                           REAL* out, int64_t out_row) {
    for (int64_t i = 0; f != NULL && i < rows; i++) {
        f(sums + i * out_row, out + i * out_row, cols);
    }
}
