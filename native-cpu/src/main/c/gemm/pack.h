#ifndef PACK_STEPS
#    define PACK_STEPS 16 /* of a panel at once: panels side by side meet in the same cache sets */
#endif

#ifndef FACTOR
#    define FACTOR REAL /* how a factor's elements lie in memory; if HALVES, as bfloat16 */
#endif
/* Neighbours along k that become one element of a panel where nothing is left to be rounded. */
#undef PER_ELEMENT
#if HALVES && PAIRS
#    define PER_ELEMENT 2
#else
#    define PER_ELEMENT 1
#endif

/*
 * What becomes n neighbouring elements of a panel, of `left` along k from x on; and four along k,
 * none of which lacks a neighbour.
 */
#if PER_ELEMENT == 2
ADJ_INLINE void NAME(copy)(REAL* to, const FACTOR* x, int64_t step, int64_t left, int64_t n) {
    const FACTOR* odd = left > 1 ? x + step : x;
    const uint32_t odd_mask = left > 1 ? 0xffff : 0;
    ADJ_INDEPENDENT
    for (int64_t i = 0; i < n; i++) {
        to[i] = math_from_bits_f32((odd[i] & odd_mask) << 16 | x[i]);
    }
}
static inline QUAD NAME(quad_of)(const FACTOR* x) {
    QUAD four;
    memcpy(&four, x, sizeof four);
    return four;
}
#elif HALVES
ADJ_INLINE void NAME(copy)(REAL* to, const FACTOR* x, int64_t step, int64_t left, int64_t n) {
    (void)step, (void)left;
    ADJ_INDEPENDENT
    for (int64_t i = 0; i < n; i++) {
        to[i] = adj_f32_of_bf16(x[i]);
    }
}
static inline QUAD NAME(quad_of)(const FACTOR* x) {
    typedef FACTOR halves __attribute__((vector_size(sizeof(QUAD) / 2)));
    typedef uint32_t words __attribute__((vector_size(sizeof(QUAD))));
    halves four;
    memcpy(&four, x, sizeof four);
    return (QUAD)(__builtin_convertvector(four, words) << 16);
}
#else
ADJ_INLINE void NAME(copy)(REAL* to, const FACTOR* x, int64_t step, int64_t left, int64_t n) {
    (void)step, (void)left;
    memcpy(to, x, (size_t)n * sizeof(REAL));
}
static inline QUAD NAME(quad_of)(const FACTOR* x) {
    return *(const QUAD_AT*)x;
}
#endif

/*
 * Packing (a template, see vector.h): `count` lines of a matrix become panels `width` lines wide,
 * panels[(i / width · k + p) · width + i % width] = x[i · line + p · step] for p < k. The lines
 * that the last panel lacks are zeros. If NARROW, elements are rounded to bfloat16; as PAIRS,
 * panels[(i / width · k + p / 2) · width + i % width] holds those at p (even) and p + 1.
 */
static void NAME(pack_any)(REAL* panel, int64_t width, const FACTOR* x, int64_t count, int64_t k,
                           int64_t line, int64_t step) {
    for (int64_t p = 0; p < k; p += PER_ELEMENT) {
        for (int64_t i = 0; i < count; i++) {
            REAL* to = panel + p / PER_ELEMENT * width + i;
            NAME(copy)(to, x + i * line + p * step, step, k - p, 1);
        }
    }
}

/*
 * Dense lines, of one panel: transposed in squares, the last of which overlaps its neighbour where
 * it must. What is left along k, and a panel too narrow for a square, goes singly.
 */
static void NAME(pack_lines)(REAL* panel, int64_t width, const FACTOR* x, int64_t count, int64_t k,
                             int64_t line) {
    const int64_t square_k = count < QL ? 0 : k / PER_ELEMENT / QL * QL;
    for (int64_t p = 0; p < square_k; p += QL) {
        for (int64_t next = 0; next < count; next += QL) {
            const int64_t i = adj_min(next, count - QL);
            QUAD square[QL];
#pragma GCC unroll 4
            for (int l = 0; l < QL; l++) {
                square[l] = NAME(quad_of)(x + (i + l) * line + p * PER_ELEMENT);
            }
            NAME(transpose)(square);
#pragma GCC unroll 4
            for (int l = 0; l < QL; l++) {
                *(QUAD_AT*)(panel + (p + l) * width + i) = square[l];
            }
        }
    }
    const int64_t done = square_k * PER_ELEMENT;
    NAME(pack_any)(panel + square_k * width, width, x + done, count, k - done, line, 1);
}

#if NARROW && PER_ELEMENT == 1
#    if PAIRS && defined(__AVX512BF16__)
/*
 * Some of 16 floats as bfloat16, the others 0, each in the lower half of its place. Unlike
 * adj_bf16_of_f32, the instruction takes subnormal numbers for 0, as the one that multiplies does.
 */
static inline __m512i NAME(rounded)(uint32_t some, const REAL* x) {
    const __m512 floats = _mm512_maskz_loadu_ps((__mmask16)some, x);
    return _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(floats));
}
#    endif

/* Rounds a packed panel where it lies. */
ADJ_INLINE void NAME(narrow)(REAL* panel, int64_t width, int64_t k) {
#    if PAIRS
    for (int64_t p = 0; p < k; p += 2) {
        const REAL* even = panel + p * width;
        const uint32_t odd_mask = p + 1 < k ? 0xffff : 0; /* k's last step may have no partner */
        const REAL* odd = odd_mask ? even + width : even;
        REAL* pair = panel + p / 2 * width;
#        ifdef __AVX512BF16__
        for (int64_t i = 0; i < width; i += VL) {
            const uint32_t some = (1U << adj_min(VL, width - i)) - 1;
            const __m512i upper = _mm512_slli_epi32(NAME(rounded)(some & odd_mask, odd + i), 16);
            const __m512i both = _mm512_or_si512(upper, NAME(rounded)(some, even + i));
            _mm512_mask_storeu_ps(pair + i, (__mmask16)some, _mm512_castsi512_ps(both));
        }
#        else
        ADJ_INDEPENDENT
        for (int64_t i = 0; i < width; i++) {
            const uint32_t upper = adj_bf16_of_f32(odd[i]) & odd_mask;
            pair[i] = math_from_bits_f32(upper << 16 | adj_bf16_of_f32(even[i]));
        }
#        endif
    }
#    else
    for (int64_t i = 0; i < width * k; i++) {
        panel[i] = adj_f32_of_bf16(adj_bf16_of_f32(panel[i]));
    }
#    endif
}
#endif

/* Inlined for its constant width. */
ADJ_INLINE void NAME(pack)(REAL* panels, int64_t width, const FACTOR* x, int64_t count, int64_t k,
                           int64_t line, int64_t step) {
    const int64_t whole = count / width * width;
    const int64_t rest = count - whole;
    if (rest > 0) {
        memset(panels + whole * k, 0, (size_t)(k * width) * sizeof(REAL));
    }
    if (line == 1) { /* lines side by side: all panels in one pass over memory */
        const int64_t steps = adj_ceil_div(k, PER_ELEMENT);
        for (int64_t begin = 0; begin < steps; begin += PACK_STEPS) {
            const int64_t end = adj_min(steps, begin + PACK_STEPS);
            for (int64_t i = 0; i < whole; i += width) {
                for (int64_t p = begin; p < end; p++) {
                    const int64_t q = p * PER_ELEMENT;
                    NAME(copy)(panels + i * k + p * width, x + q * step + i, step, k - q, width);
                }
            }
            for (int64_t p = begin; p < end; p++) {
                const int64_t q = p * PER_ELEMENT;
                NAME(copy)(panels + whole * k + p * width, x + q * step + whole, step, k - q, rest);
            }
        }
    }
    for (int64_t i = 0; i < count; i += width) {
        REAL* panel = panels + i * k;
        const int64_t lines = adj_min(width, count - i);
        if (line != 1 && step == 1) {
            NAME(pack_lines)(panel, width, x + i * line, lines, k, line);
        } else if (line != 1) {
            NAME(pack_any)(panel, width, x + i * line, lines, k, line, step);
        }
#if NARROW && PER_ELEMENT == 1
        NAME(narrow)(panel, width, k);
#endif
    }
}
