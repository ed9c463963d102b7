/*
 * Accumulation of elements (a template): T is their type, A the accumulators'; ELEMENT(x) makes an
 * A of a T, ADD(a, b) joins two A, INITIAL is the A of nothing; CHOOSES is whether ADD is a choice,
 * which only vectors make without a branch; NAME(x) marks the functions.
 */

/*
 * From each place, `stride` elements after the one before it, the next `share` into FEW_LANES
 * accumulators: from several places at once a core gets more lines per second than from one.
 */
ADJ_INLINE void NAME(add_places)(const T* x, int64_t stride, int64_t step, int64_t share, A* lanes,
                                 int width) {
    for (int64_t i = 0; i < share; i += FEW_LANES) {
#pragma GCC unroll 4
        for (int place = 0; place < width / FEW_LANES; place++) {
            /* Unrolled before it is vectorised, this would keep the branches of ADD. */
#pragma GCC unroll 1
            for (int lane = 0; lane < FEW_LANES; lane++) {
                const A b = ELEMENT(x[(place * stride + i + lane) * step]);
                lanes[place * FEW_LANES + lane] = ADD(lanes[place * FEW_LANES + lane], b);
            }
        }
    }
}

/* The last n of a run, to one accumulator each. */
ADJ_INLINE void NAME(add_rest)(const T* x, int64_t step, int64_t n, A* lanes) {
    for (int64_t lane = 0; lane < n; lane++) {
        const A b = ELEMENT(x[lane * step]);
        lanes[lane] = ADD(lanes[lane], b);
    }
}

/* Each FEW_LANES of the accumulators add an equal share of the run. */
ADJ_INLINE void NAME(add_run)(const T* x, int64_t step, int64_t n, A* lanes, int width) {
    /* A local copy, for the compiler to keep in registers. */
    A a[LANES];
    memcpy(a, lanes, (size_t)width * sizeof(A));
    const int64_t share = n / width * FEW_LANES;
    NAME(add_places)(x, share, step, share, a, width);
    const int64_t left = n % width;
    NAME(add_rest)(x + (n - left) * step, step, left, a);
    memcpy(lanes, a, (size_t)width * sizeof(A));
}

/* `rows` rows of n columns. */
ADJ_INLINE void NAME(add_rows)(const T* x, int64_t row, int rows, int64_t step, int64_t n,
                               A* sums) {
    ADJ_INDEPENDENT
    for (int64_t i = 0; i < n; i++) {
        A a = sums[i];
#pragma GCC unroll 4
        for (int r = 0; r < rows; r++) {
            const A b = ELEMENT(x[r * row + i * step]);
            a = ADD(a, b);
        }
        sums[i] = a;
    }
}

ADJ_INLINE void NAME(add_columns)(const T* x, int64_t row, int64_t rows, int64_t step, int64_t n,
                                  A* sums) {
    int64_t r = 0;
    for (; r + 4 <= rows; r += 4) {
        NAME(add_rows)(x + r * row, row, 4, step, n, sums);
    }
    for (; r < rows; r++) {
        NAME(add_rows)(x + r * row, row, 1, step, n, sums);
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

ADJ_INLINE A NAME(fold)(A* lanes, int width) {
#pragma GCC unroll 8
    for (int half = width / 2; half > 0; half /= 2) {
        NAME(join)(lanes, lanes + half, half);
    }
    return lanes[0];
}

/* An element of each of FEW_LANES rows. */
ADJ_INLINE void NAME(add_column)(const T* column, A* sums) {
    /* Unrolled before it is vectorised, this would keep the branches of ADD. */
#pragma GCC unroll 1
    for (int j = 0; j < FEW_LANES; j++) {
        const A b = ELEMENT(column[j]);
        sums[j] = ADD(sums[j], b);
    }
}

/* Rows of n < LANES steps, each into one result: several side by side, each in order. */
ADJ_INLINE void NAME(along_rows)(const T* x, int64_t row, int64_t rows, int64_t step, int64_t n,
                                 A* results) {
    int64_t r = 0;
    for (; CHOOSES && r + FEW_LANES <= rows; r += FEW_LANES) {
        const T* first = x + r * row;
        A a[FEW_LANES];
        NAME(clear)(a, FEW_LANES);
        for (int64_t i = 0; i < n; i++) {
            T column[FEW_LANES];
#pragma GCC unroll 8
            for (int j = 0; j < FEW_LANES; j++) {
                column[j] = first[j * row + i * step];
            }
            NAME(add_column)(column, a);
        }
        memcpy(results + r, a, sizeof a);
    }
    for (; r + 4 <= rows; r += 4) {
        const T* first = x + r * row;
        A a[4];
        NAME(clear)(a, 4);
        for (int64_t i = 0; i < n; i++) {
            for (int j = 0; j < 4; j++) {
                const A b = ELEMENT(first[j * row + i * step]);
                a[j] = ADD(a[j], b);
            }
        }
        memcpy(results + r, a, sizeof a);
    }
    for (; r < rows; r++) {
        A a = INITIAL;
        for (int64_t i = 0; i < n; i++) {
            const A b = ELEMENT(x[r * row + i * step]);
            a = ADD(a, b);
        }
        results[r] = a;
    }
}

/*
 * The elements at n offsets in each of FEW_LANES rows, each row into one result: IN_ORDER of them
 * one after the other, and then these sums, for the rounding errors of few additions.
 */
ADJ_INLINE void NAME(side_by_side)(const T* const* rows, const int64_t* offsets, int64_t n,
                                   A* results) {
    NAME(clear)(results, FEW_LANES);
    for (int64_t begin = 0; begin < n; begin += IN_ORDER) {
        const int64_t end = adj_min(n, begin + IN_ORDER);
        A a[FEW_LANES];
        NAME(clear)(a, FEW_LANES);
        for (int64_t i = begin; i < end; i++) {
            T column[FEW_LANES];
#pragma GCC unroll 8
            for (int j = 0; j < FEW_LANES; j++) {
                column[j] = rows[j][offsets[i]];
            }
            NAME(add_column)(column, a);
        }
        NAME(join)(results, a, FEW_LANES);
    }
}

ADJ_INLINE A NAME(along_run)(const T* x, int64_t step, int64_t n, int width) {
    A lanes[LANES];
    NAME(clear)(lanes, width);
    NAME(add_run)(x, step, n, lanes, width);
    return NAME(fold)(lanes, width);
}

/* One dense row. Two calls, for widths that the compiler knows. */
ADJ_INLINE A NAME(along_dense)(const T* x, int64_t n) {
    return n < MANY ? NAME(along_run)(x, 1, n, FEW_LANES) : NAME(along_run)(x, 1, n, LANES);
}

/* Dense rows, each into one result: several side by side. */
ADJ_INLINE void NAME(along_dense_rows)(const T* x, int64_t row, int64_t rows, int64_t n,
                                       A* results) {
    enum { TOGETHER = LANES / FEW_LANES };
    const int64_t left = n % FEW_LANES;
    int64_t r = 0;
    for (; r + TOGETHER <= rows; r += TOGETHER) {
        const T* first = x + r * row;
        A lanes[LANES];
        NAME(clear)(lanes, LANES);
        NAME(add_places)(first, row, 1, n - left, lanes, LANES);
        for (int i = 0; i < TOGETHER; i++) {
            NAME(add_rest)(first + i * row + n - left, 1, left, lanes + i * FEW_LANES);
            results[r + i] = NAME(fold)(lanes + i * FEW_LANES, FEW_LANES);
        }
    }
    for (; r < rows; r++) {
        results[r] = NAME(along_dense)(x + r * row, n);
    }
}

/* Steps [begin, end) of a row of x, into one result. */
ADJ_INLINE A NAME(along)(const T* x, const loops* row, int64_t begin, int64_t end) {
    const int64_t step = row->x[row->depth - 1];
    if (row->depth == 1) {
        const T* first = x + begin * step;
        const int64_t n = end - begin;
        if (n < LANES) {
            A a;
            NAME(along_rows)(first, 0, 1, step, n, &a);
            return a;
        }
        return step == 1 ? NAME(along_dense)(first, n) : NAME(along_run)(first, step, n, LANES);
    }
    A lanes[LANES];
    NAME(clear)(lanes, LANES);
    cursor c;
    start(&c, row, begin);
    for (int64_t left = end - begin; left > 0;) {
        const int64_t n = run_length(&c, left);
        if (step == 1) {
            NAME(add_run)(x + c.x, 1, n, lanes, LANES);
        } else {
            NAME(add_run)(x + c.x, step, n, lanes, LANES);
        }
        left -= n;
        advance(&c, n);
    }
    return NAME(fold)(lanes, LANES);
}

#undef T
#undef A
#undef ELEMENT
#undef ADD
#undef INITIAL
#undef CHOOSES
#undef NAME
