/*
 * Accumulation of elements (a template): T is their type, A the accumulators'; ELEMENT(x) makes an
 * A of a T, ADD(a, b) joins two A, INITIAL is the A of nothing; NAME(x) marks the functions.
 */

ADJ_INLINE void NAME(add_run)(const T* x, int64_t step, int64_t n, A* lanes) {
    /* A local copy, for the compiler to keep in registers. */
    A a[LANES];
    memcpy(a, lanes, sizeof a);
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (int lane = 0; lane < LANES; lane++) {
            const A b = ELEMENT(x[(i + lane) * step]);
            a[lane] = ADD(a[lane], b);
        }
    }
    for (int lane = 0; i < n; i++, lane++) {
        const A b = ELEMENT(x[i * step]);
        a[lane] = ADD(a[lane], b);
    }
    memcpy(lanes, a, sizeof a);
}

ADJ_INLINE void NAME(add_columns)(const T* x, int64_t step, int64_t n, A* sums) {
    ADJ_INDEPENDENT
    for (int64_t i = 0; i < n; i++) {
        const A b = ELEMENT(x[i * step]);
        sums[i] = ADD(sums[i], b);
    }
}

ADJ_INLINE void NAME(clear)(A* sums, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        sums[i] = INITIAL;
    }
}

/* sums[0] to sums[n - 1] += the next n. */
ADJ_INLINE void NAME(join)(A* sums, const A* others, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        sums[i] = ADD(sums[i], others[i]);
    }
}

ADJ_INLINE A NAME(fold)(A* lanes) {
#pragma GCC unroll 8
    for (int width = LANES / 2; width > 0; width /= 2) {
        NAME(join)(lanes, lanes + width, width);
    }
    return lanes[0];
}

/* Steps [begin, end) of a row of x, into one result. */
static A NAME(along)(const T* x, const loops* row, int64_t begin, int64_t end) {
    const int64_t step = row->x[row->depth - 1];
    if (row->depth == 1 && end - begin < LANES) {
        A a = INITIAL;
        for (int64_t i = begin; i < end; i++) {
            const A b = ELEMENT(x[i * step]);
            a = ADD(a, b);
        }
        return a;
    }
    A lanes[LANES];
    NAME(clear)(lanes, LANES);
    cursor c;
    start(&c, row, begin);
    for (int64_t left = end - begin; left > 0;) {
        const int64_t n = run_length(&c, left);
        if (step == 1) {
            NAME(add_run)(x + c.x, 1, n, lanes);
        } else {
            NAME(add_run)(x + c.x, step, n, lanes);
        }
        left -= n;
        advance(&c, n);
    }
    return NAME(fold)(lanes);
}

#undef T
#undef A
#undef ELEMENT
#undef ADD
#undef INITIAL
#undef NAME
