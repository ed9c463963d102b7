/*
 * The argument blocks of CUDA kernels that need more than the CPU's: the error word, workspace,
 * what the launch has planned. As in kernels.h, blocks are made of 8-byte words only; Java packs
 * them. Kernels of bfloat16, which are here alone, take the blocks of the others.
 */
#ifndef ADJ_CUDA_ARGS_H
#define ADJ_CUDA_ARGS_H

#include "kernels.h"

/* Known to Java, too. */
#define ADJ_THREADS 256 /* of a block, unless a kernel says otherwise */
#define ADJ_CHUNK 16384 /* elements of a tensor in a list that one block works on */

/*
 * Where a kernel reports what it refused: if *word is 0, `code` goes there, by which Java knows the
 * kernel at the next synchronisation. The kernel skips what it refuses and goes on.
 */
typedef struct {
    int64_t* word;
    int64_t code;
} adj_error;

/* ---- reduce.cu ---- */

/*
 * Java sorts the loops: first the kept ones, then the reduced ones, of each the densest in x last.
 * A block of ADJ_THREADS works on `width` neighbouring results, all other threads on steps of the
 * reduced loops; neighbouring threads take neighbouring steps if `along`, else results. The steps
 * are cut into `parts`, blockIdx.y of them; several parts leave accumulators in `partials`, by
 * part, then by result, which the kernel adj_reduce_<kernel>_finish_<dtype> joins.
 *
 * adj_reduce_<kernel>_columns_<dtype> takes packets of neighbouring results, `width` of them in a
 * block: the last of the kept loops is a multiple of them and has stride 1 in x, all other strides
 * are such multiples, x is aligned, `along` is 0.
 */
typedef struct {
    const void* x;
    void* out;
    void* partials;
    int64_t results;
    int64_t steps; /* of the reduced loops together */
    int64_t parts;
    int64_t width; /* threads, a power of two */
    int64_t along;
    int64_t kept; /* how many loops come first */
    int64_t depth;
    int64_t dims[ADJ_DIMS(2)]; /* sizes, x, out */
} adj_reduce_plan_args;

/*
 * Each row is cut into `parts`, blockIdx.y of them; several parts leave what they found in
 * `candidates`, by row, then by part, and adj_argmax_finish_<dtype> takes the best.
 */
typedef struct {
    void* candidates; /* 16 bytes each */
    int64_t parts;
    adj_argmax_args block;
} adj_argmax_parts_args;

/* Sums of squares, one of each block of adj_sum_squares, into one. */
typedef struct {
    const double* partials;
    double* out;
    int64_t count;
} adj_sum_partials_args;

/* ---- index.cu ---- */
typedef struct {
    adj_gather_args block;
    adj_error error;
} adj_gather_checked_args;

typedef struct {
    adj_scatter_add_args block;
    adj_error error;
} adj_scatter_add_checked_args;

/* ---- norm.cu, loss.cu ---- */

/* How a launch deals out the rows of a matrix, see rows.cuh. */
typedef struct {
    int64_t team;  /* threads for a row: a power of two up to a warp, or the whole block */
    int64_t pitch; /* elements of shared memory for each row that a team keeps; 0: it keeps none */
} adj_rows;

typedef struct {
    adj_softmax_args block;
    adj_rows rows;
} adj_softmax_rows_args;

typedef struct {
    adj_softmax_grad_args block;
    adj_rows rows;
} adj_softmax_grad_rows_args;

typedef struct {
    adj_norm_args block;
    adj_rows rows;
} adj_norm_rows_args;

/*
 * Block b of the launch takes the rows from b * part_rows on; its sums of grad_weight and grad_bias
 * are the 2 * cols elements of scratch from b * 2 * cols on.
 */
typedef struct {
    adj_norm_grad_args block;
    adj_rows rows;
    int64_t part_rows;
} adj_norm_grad_rows_args;

typedef struct {
    adj_cross_entropy_args block;
    adj_error error;
    adj_rows rows;
} adj_cross_entropy_rows_args;

typedef struct {
    adj_cross_entropy_grad_args block;
    adj_error error;
    adj_rows rows;
} adj_cross_entropy_grad_rows_args;

/* ---- optimizer.cu ---- */
typedef struct {
    double* hyper;
} adj_count_step_args;

#endif
