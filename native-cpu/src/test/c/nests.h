/* Random loop nests for tests: sizes, and strides that permute, skip and repeat. */
#ifndef ADJ_NESTS_H
#define ADJ_NESTS_H

#include "check.h"

enum { NEST_DEPTH = 4, NEST_OPERANDS = 4 };

typedef struct {
    int64_t depth;
    int64_t size[NEST_DEPTH];
    int64_t stride[NEST_OPERANDS][NEST_DEPTH];
    int64_t extent[NEST_OPERANDS]; /* elements that the operand spans */
    int64_t elements;
} test_nest;

static inline int64_t nest_pick(int64_t bound) {
    return (int64_t)(check_random() % (uint64_t)bound);
}

/* At most about `limit` elements; rarely none. */
static inline test_nest nest_make(int64_t limit) {
    static const int64_t sizes[] = {1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 33, 64, 67, 129, 1000};
    test_nest t = {.depth = 1 + nest_pick(NEST_DEPTH), .elements = 1};
    for (int64_t d = 0; d < t.depth; d++) {
        const int64_t room = limit / t.elements;
        do {
            t.size[d] = sizes[nest_pick(sizeof sizes / sizeof sizes[0])];
        } while (t.size[d] > (room > 1 ? room : 1));
        t.elements *= t.size[d];
    }
    if (nest_pick(100) == 0) {
        t.size[nest_pick(t.depth)] = 0;
        t.elements = 0;
    }
    return t;
}

/* Dense in a random order of the loops, or with gaps; inputs may repeat elements by stride 0. */
static inline void nest_lay_out(test_nest* t, int operand, int may_repeat) {
    int64_t order[NEST_DEPTH];
    for (int64_t d = 0; d < t->depth; d++) {
        order[d] = t->depth - 1 - d;
    }
    if (nest_pick(2)) {
        for (int64_t d = t->depth - 1; d > 0; d--) {
            const int64_t other = nest_pick(d + 1);
            const int64_t kept = order[d];
            order[d] = order[other];
            order[other] = kept;
        }
    }
    int64_t next = nest_pick(4) ? 1 : 1 + nest_pick(3);
    t->extent[operand] = t->elements > 0;
    for (int64_t i = 0; i < t->depth; i++) {
        const int64_t d = order[i];
        t->stride[operand][d] = may_repeat && nest_pick(5) == 0 ? 0 : next;
        if (t->size[d] > 0 && t->elements > 0) {
            t->extent[operand] += (t->size[d] - 1) * t->stride[operand][d];
        }
        if (t->stride[operand][d] > 0) {
            next *= (t->size[d] > 0 ? t->size[d] : 1) + (nest_pick(4) ? 0 : nest_pick(3));
        }
    }
}

/* The operand's element at row-major step `step` of the nest. */
static inline int64_t nest_at(const test_nest* t, int operand, int64_t step) {
    int64_t at = 0;
    for (int64_t d = t->depth - 1; d >= 0; d--) {
        at += step % t->size[d] * t->stride[operand][d];
        step /= t->size[d];
    }
    return at;
}

/* Packs sizes and the strides of the first operands behind `words`; returns the first free word. */
static inline int64_t* nest_pack(const test_nest* t, int operands, int64_t* words) {
    *words++ = t->depth;
    memcpy(words, t->size, (size_t)t->depth * sizeof *words);
    words += t->depth;
    for (int k = 0; k < operands; k++) {
        memcpy(words, t->stride[k], (size_t)t->depth * sizeof *words);
        words += t->depth;
    }
    return words;
}

#endif
