/*
 * The whole binary interface between Java and the kernels.
 *
 * Every kernel has the same signature: it takes one block of arguments, made of 8-byte words only
 * (addresses, int64_t, double), and returns 0 or a positive status. Java packs the block word by
 * word in the order of the structs below; eager code runs it at once, a captured step keeps it.
 * A kernel writes only where its arguments point, allocates nothing, prints nothing, never aborts.
 *
 * Strides count elements. `depth` loops follow at the end of a block in `dims`: first the sizes,
 * outermost first, then for each operand (in the order of the struct's pointers) its strides.
 * depth >= 1; neighbouring loops have been merged, so dense operands are one loop of stride 1.
 * An output never repeats elements. Except in gemm/ and attention.c it may be exactly an input.
 *
 * Names: adj_<kernel>_<dtype>, e.g. adj_silu_f32; dtype is f32, f64, i32, i64, bool (uint8_t 0/1),
 * and, where "every dtype" is said, f16 and bf16 (their bits, uint16_t).
 */
#ifndef ADJ_KERNELS_H
#define ADJ_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#define ADJ_ABI_VERSION 1
#define ADJ_EXPORT __attribute__((visibility("default")))

/*
 * How many words may follow at the end of a block, after a head of some words. None are counted in C,
 * where a block is as long as it is. CUDA passes blocks by value: there they have the size of the
 * largest; those with lists of tensors have as many words as the 32,764 bytes hold that drivers
 * take since CUDA 12.1, or fewer if a build says so.
 */
#ifdef __cplusplus
#define ADJ_MAX_DEPTH 16
#define ADJ_DIMS(views) (ADJ_MAX_DEPTH * (1 + (views)))
#ifndef ADJ_LIST_BLOCK_WORDS
#define ADJ_LIST_BLOCK_WORDS 4095
#endif
#define ADJ_WORDS(head) (ADJ_LIST_BLOCK_WORDS - (head))
#else
#define ADJ_DIMS(views)
#define ADJ_WORDS(head)
#endif

typedef int32_t adj_kernel(const void *args);

enum { ADJ_OK = 0, ADJ_INDEX_OUT_OF_RANGE = 1 };

/* ADJ_ABI_VERSION of the kernels that were loaded. */
ADJ_EXPORT int32_t adj_variant_abi_version(void);

/* ---- elementwise.c: adj_<name>_{f32,f64} and adj_<name>_grad_{f32,f64} from elementwise.def ---- */
typedef struct {
    const void *x;
    void *out;
    int64_t depth;
    int64_t dims[ADJ_DIMS(2)]; /* sizes, x, out */
} adj_unary_args; /* also adj_copy_<every dtype>, adj_cast_<from>_<to> for every two dtypes */

typedef struct {
    const void *grad;
    const void *saved; /* x or y, as elementwise.def says; the grad view again if nothing is saved */
    void *out;
    int64_t depth;
    int64_t dims[ADJ_DIMS(3)]; /* sizes, grad, saved, out */
} adj_unary_grad_args;

typedef struct {
    const void *a;
    const void *b;
    void *out; /* of the inputs' type; uint8_t for eq ne lt le gt ge */
    int64_t depth;
    int64_t dims[ADJ_DIMS(3)]; /* sizes, a, b, out */
} adj_binary_args; /* adj_{add,sub,mul,maximum,minimum,eq,ne,lt,le,gt,ge}_{f32,f64,i32,i64,bool for eq ne}, adj_{div,pow}_{f32,f64} */

typedef struct {
    const void *a;
    void *out;
    double scalar;
    int64_t scalar_first;
    int64_t depth;
    int64_t dims[ADJ_DIMS(2)]; /* sizes, a, out */
} adj_binary_scalar_args; /* adj_<binary>_scalar_<dtype> */

typedef struct {
    const void *condition;
    const void *a;
    const void *b;
    void *out;
    int64_t depth;
    int64_t dims[ADJ_DIMS(4)]; /* sizes, condition, a, b, out */
} adj_where_args; /* adj_where_<every dtype> */

typedef struct {
    void *out;
    double value;
    int64_t depth;
    int64_t dims[ADJ_DIMS(1)]; /* sizes, out */
} adj_fill_args; /* adj_fill_<every dtype> */

/* ---- reduce.c ---- */
typedef struct {
    const void *x;
    void *out;
    int64_t depth;
    int64_t dims[ADJ_DIMS(2)]; /* sizes, x, out; out's stride is 0 exactly in the reduced loops */
} adj_reduce_args; /* adj_{sum,max,min}_{f32,f64,i64}, adj_mean_{f32,f64}; symbols adj_reduce_<kernel>_<dtype> */

typedef struct {
    const void *x;
    int64_t *out;
    int64_t cols;
    int64_t col_stride;
    int64_t depth;
    int64_t dims[ADJ_DIMS(2)]; /* sizes, x, out: the rows */
} adj_argmax_args; /* adj_argmax_{f32,f64,i64} */

typedef struct {
    double *out;
    int64_t count;
    int64_t words[ADJ_WORDS(2)]; /* count addresses, then count lengths */
} adj_sum_squares_args; /* adj_sum_squares_{f32,f64} */

/*
 * ---- gemm/: adj_gemm_{f32,f64}, and adj_gemm_<name>_{f32,f64} with an ADJ_ACTIVATION of elementwise.def as
 * activation; int64_t adj_gemm_scratch_bytes_{f32,f64}(const adj_gemm_args *); the same of bf16_f32: of
 * float, each element of a and b rounded to bfloat16; and halves_f32: a and b lie as bfloat16 ----
 */
typedef struct {
    const void *a;
    const void *b;
    void *out;
    void *before;     /* what the activation gets, laid out as out; NULL: not wanted */
    const void *bias; /* NULL: none */
    void *scratch;
    int64_t m;
    int64_t n;
    int64_t k;
    int64_t a_row; /* stride from row to row */
    int64_t a_col;
    int64_t b_row;
    int64_t b_col;
    int64_t out_row; /* columns of out have stride 1 */
    double alpha;
    double beta;   /* 0 where there is an activation */
    int64_t depth; /* 0: a single product */
    int64_t dims[ADJ_DIMS(3)]; /* batch sizes, a, b, out */
} adj_gemm_args;

/* ---- norm.c: contiguous rows ---- */
typedef struct {
    const void *x;
    void *out;
    int64_t rows;
    int64_t cols;
} adj_softmax_args; /* adj_softmax_{f32,f64}, adj_log_softmax_{f32,f64} */

typedef struct {
    const void *grad;
    const void *y;
    void *out;
    int64_t rows;
    int64_t cols;
} adj_softmax_grad_args; /* adj_softmax_grad_*, adj_log_softmax_grad_* */

typedef struct {
    const void *x;
    const void *weight; /* NULL: ones */
    const void *bias;   /* NULL: zeros; always NULL for rms_norm */
    void *out;
    void *mean; /* NULL for rms_norm */
    void *rstd;
    int64_t rows;
    int64_t cols;
    double eps;
} adj_norm_args; /* adj_layer_norm_*, adj_rms_norm_* */

typedef struct {
    const void *grad;
    const void *x;
    const void *weight; /* NULL: ones */
    const void *mean;   /* NULL for rms_norm */
    const void *rstd;
    void *grad_x;      /* NULL: not wanted */
    void *grad_weight; /* NULL: not wanted */
    void *grad_bias;   /* NULL: not wanted */
    void *scratch;     /* adj_norm_grad_scratch_bytes_*(args) */
    int64_t rows;
    int64_t cols;
} adj_norm_grad_args; /* adj_layer_norm_grad_*, adj_rms_norm_grad_* */

/* ---- loss.c ---- */
typedef struct {
    const void *logits;
    const int64_t *targets;
    void *losses;
    void *log_sum_exp; /* [rows, 2]: the largest logit, log Σ exp(logit - largest) */
    int64_t logits_stride; /* from one row to the next */
    int64_t rows;
    int64_t classes;
    int64_t ignore_index;
} adj_cross_entropy_args;

typedef struct {
    const void *grad;
    const void *logits;
    const int64_t *targets;
    const void *log_sum_exp; /* as above */
    void *out;
    int64_t grad_stride;
    int64_t logits_stride;
    int64_t out_stride;
    int64_t rows;
    int64_t classes;
    int64_t ignore_index;
} adj_cross_entropy_grad_args;

/* ---- attention.c: strides of [B, H, T, D], D's is 1 ---- */
typedef struct {
    const void *q;
    const void *k;
    const void *v;
    void *out;
    void *log_sum_exp; /* contiguous [B, H, Tq] */
    void *scratch;     /* adj_attention_scratch_bytes_*(args) */
    int64_t batch;
    int64_t heads;
    int64_t tq;
    int64_t tk;
    int64_t d;
    int64_t causal;
    double scale;
    int64_t q_strides[3];
    int64_t k_strides[3];
    int64_t v_strides[3];
    int64_t out_strides[3];
} adj_attention_args;

typedef struct {
    const void *grad;
    const void *q;
    const void *k;
    const void *v;
    const void *out;
    const void *log_sum_exp;
    void *grad_q; /* NULL: not wanted */
    void *grad_k;
    void *grad_v;
    void *scratch; /* adj_attention_grad_scratch_bytes_*(args) */
    int64_t batch;
    int64_t heads;
    int64_t tq;
    int64_t tk;
    int64_t d;
    int64_t causal;
    double scale;
    int64_t grad_strides[3];
    int64_t q_strides[3];
    int64_t k_strides[3];
    int64_t v_strides[3];
    int64_t out_strides[3];
    int64_t grad_q_strides[3];
    int64_t grad_k_strides[3];
    int64_t grad_v_strides[3];
} adj_attention_grad_args;

/* ---- index.c ---- */
typedef struct {
    const void *table;
    const int64_t *indices;
    void *out;
    int64_t rows;  /* of the table */
    int64_t count; /* of indices */
    int64_t row_bytes;
} adj_gather_args; /* adj_gather: every dtype */

typedef struct {
    const void *x;
    const int64_t *indices;
    void *out;
    int64_t rows;
    int64_t count;
    int64_t width; /* elements in a row */
} adj_scatter_add_args; /* adj_scatter_add_{f32,f64} */

/* ---- random.c: a key is {seed, operation counter} ---- */
typedef struct {
    int64_t *state;
    int64_t *key;
} adj_next_key_args; /* adj_next_key */

typedef struct {
    const int64_t *key;
    void *out;
    double a; /* low, or mean */
    double b; /* high, or std */
    int64_t n;
} adj_random_args; /* adj_uniform_{f32,f64}, adj_normal_{f32,f64} */

typedef struct {
    const int64_t *key;
    const void *x;
    void *out;
    double p;
    int64_t n;
} adj_dropout_args; /* adj_dropout_{f32,f64} */

/* ---- optimizer.c: hyper = {learning rate, steps done}; the kernel adds 1 to the steps at its end ---- */
typedef struct {
    double *hyper;
    double momentum;
    double dampening;
    double weight_decay;
    int64_t nesterov;
    int64_t count;
    int64_t words[ADJ_WORDS(6)]; /* count times {w, g, buffer or 0, length} */
} adj_sgd_args;

typedef struct {
    double *hyper;
    double beta1;
    double beta2;
    double eps;
    double weight_decay;
    int64_t count;
    int64_t words[ADJ_WORDS(6)]; /* count times {w, g, m, v, length} */
} adj_adamw_args;

typedef struct {
    const void *factor;
    int64_t count;
    int64_t words[ADJ_WORDS(2)]; /* count addresses, then count lengths */
} adj_scale_args; /* adj_scale_{f32,f64} */

/* ---- ceilings.c: for benchmarks ---- */
typedef struct {
    void *out;
    const void *a;
    const void *b;
    double *work; /* set for each chunk: the floating-point operations it did, or the bytes it moved */
    int64_t n;    /* float32 elements of out, a and b, which are aligned to 64 bytes */
    int64_t chunks;
    int64_t times;
} adj_ceiling_args; /* adj_ceiling_{fma_f32,fma_f64,fma_bf16,read,{write,copy,triad}{,_stream}} */

#endif
