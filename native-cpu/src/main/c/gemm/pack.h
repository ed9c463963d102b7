/*
 * Packing (a template, see vector.h): `count` <= width lines of a matrix become one panel,
 * panel[p · width + i] = x[i · line + p · step] for p < k. The missing lines are zeros.
 */
static inline __attribute__((always_inline)) void NAME(pack)(REAL *panel, int64_t width,
                                                             const REAL *x, int64_t count,
                                                             int64_t k, int64_t line,
                                                             int64_t step) {
    if (count < width) {
        memset(panel, 0, (size_t)(k * width) * sizeof(REAL));
        for (int64_t i = 0; i < count; i++) {
            for (int64_t p = 0; p < k; p++) {
                panel[p * width + i] = x[i * line + p * step];
            }
        }
    } else if (line == 1) {
        for (int64_t p = 0; p < k; p++) {
            memcpy(panel + p * width, x + p * step, (size_t)width * sizeof(REAL));
        }
    } else {
        for (int64_t p = 0; p < k; p++) {
            for (int64_t i = 0; i < width; i++) {
                panel[p * width + i] = x[i * line + p * step];
            }
        }
    }
}
