/*
 * Packing (a template, see vector.h): `count` lines of a matrix become panels `width` lines wide,
 * panels[(i / width · k + p) · width + i % width] = x[i · line + p · step] for p < k. The lines
 * that the last panel lacks are zeros.
 */
static void NAME(pack_any)(REAL* panel, int64_t width, const REAL* x, int64_t count, int64_t k,
                           int64_t line, int64_t step) {
    for (int64_t p = 0; p < k; p++) {
        for (int64_t i = 0; i < count; i++) {
            panel[p * width + i] = x[i * line + p * step];
        }
    }
}

/*
 * Dense lines, of one panel: transposed in squares, the last of which overlaps its neighbour where
 * it must. What is left along k, and a panel too narrow for a square, goes singly.
 */
static void NAME(pack_lines)(REAL* panel, int64_t width, const REAL* x, int64_t count, int64_t k,
                             int64_t line) {
    const int64_t square_k = count < QL ? 0 : k / QL * QL;
    for (int64_t p = 0; p < square_k; p += QL) {
        for (int64_t next = 0; next < count; next += QL) {
            const int64_t i = adj_min(next, count - QL);
            QUAD square[QL];
#pragma GCC unroll 4
            for (int l = 0; l < QL; l++) {
                square[l] = *(const QUAD_AT*)(x + (i + l) * line + p);
            }
            NAME(transpose)(square);
#pragma GCC unroll 4
            for (int l = 0; l < QL; l++) {
                *(QUAD_AT*)(panel + (p + l) * width + i) = square[l];
            }
        }
    }
    NAME(pack_any)(panel + square_k * width, width, x + square_k, count, k - square_k, line, 1);
}

/* Inlined for its constant width. */
ADJ_INLINE void NAME(pack)(REAL* panels, int64_t width, const REAL* x, int64_t count, int64_t k,
                           int64_t line, int64_t step) {
    const int64_t whole = count / width * width;
    const int64_t rest = count - whole;
    if (rest > 0) {
        memset(panels + whole * k, 0, (size_t)(k * width) * sizeof(REAL));
    }
    if (line == 1) { /* lines side by side: all panels in one pass over memory */
        for (int64_t p = 0; p < k; p++) {
            for (int64_t i = 0; i < whole; i += width) {
                memcpy(panels + i * k + p * width, x + p * step + i, (size_t)width * sizeof(REAL));
            }
            memcpy(panels + whole * k + p * width, x + p * step + whole,
                   (size_t)rest * sizeof(REAL));
        }
        return;
    }
    for (int64_t i = 0; i < count; i += width) {
        const int64_t lines = adj_min(width, count - i);
        if (step == 1) {
            NAME(pack_lines)(panels + i * k, width, x + i * line, lines, k, line);
        } else {
            NAME(pack_any)(panels + i * k, width, x + i * line, lines, k, line, step);
        }
    }
}
