/* Element-wise kernels: those of elementwise.def, conversions, and moves. */
#include "common.cuh"
#include "convert.cuh"
#include "math.cuh"

/* ---- functions of one, two and three operands ---- */

/* out = f(x), of elements X and R; f sees numbers. */
template <class X, class R, class F>
ADJ_DEVICE void map(const adj_nest& nest, const void* x, void* out, F f) {
    using number = adj_number<X>;
    constexpr int N = adj_packet_size(sizeof(X) > sizeof(R) ? sizeof(X) : sizeof(R));
    const adj_operand<const X, N> xs(static_cast<const X*>(x), nest, 0);
    const adj_operand<R, N> results(static_cast<R*>(out), nest, 1);
    const bool packets = (xs.packets || xs.repeats) && results.packets;
    adj_for_each<N, 2>(nest, packets, [&](const int64_t (&at)[2], auto count) {
        constexpr int n = decltype(count)::value;
        number x_n[n];
        decltype(f(number{})) result[n];
        xs.load(at[0], x_n);
        ADJ_UNROLL
        for (int i = 0; i < n; i++) {
            result[i] = f(x_n[i]);
        }
        results.store(at[1], result);
    });
}

/* out = f(a, b), a and b of one type. */
template <class X, class R, class F>
ADJ_DEVICE void map(const adj_nest& nest, const void* a, const void* b, void* out, F f) {
    using number = adj_number<X>;
    constexpr int N = adj_packet_size(sizeof(X) > sizeof(R) ? sizeof(X) : sizeof(R));
    const adj_operand<const X, N> as(static_cast<const X*>(a), nest, 0);
    const adj_operand<const X, N> bs(static_cast<const X*>(b), nest, 1);
    const adj_operand<R, N> results(static_cast<R*>(out), nest, 2);
    const bool packets =
        (as.packets || as.repeats) && (bs.packets || bs.repeats) && results.packets;
    adj_for_each<N, 3>(nest, packets, [&](const int64_t (&at)[3], auto count) {
        constexpr int n = decltype(count)::value;
        number a_n[n];
        number b_n[n];
        decltype(f(number{}, number{})) result[n];
        as.load(at[0], a_n);
        bs.load(at[1], b_n);
        ADJ_UNROLL
        for (int i = 0; i < n; i++) {
            result[i] = f(a_n[i], b_n[i]);
        }
        results.store(at[2], result);
    });
}

template <class X>
ADJ_DEVICE void choose(const adj_where_args& args) {
    constexpr int N = adj_packet_size(sizeof(X));
    const adj_nest nest = {args.depth, args.dims};
    const adj_operand<const uint8_t, N> conditions(static_cast<const uint8_t*>(args.condition),
                                                   nest, 0);
    const adj_operand<const X, N> as(static_cast<const X*>(args.a), nest, 1);
    const adj_operand<const X, N> bs(static_cast<const X*>(args.b), nest, 2);
    const adj_operand<X, N> results(static_cast<X*>(args.out), nest, 3);
    const bool packets = (conditions.packets || conditions.repeats) && (as.packets || as.repeats) &&
                         (bs.packets || bs.repeats) && results.packets;
    adj_for_each<N, 4>(nest, packets, [&](const int64_t (&at)[4], auto count) {
        constexpr int n = decltype(count)::value;
        uint8_t condition[n];
        X a[n];
        X b[n];
        X result[n];
        conditions.load(at[0], condition);
        as.load(at[1], a);
        bs.load(at[2], b);
        ADJ_UNROLL
        for (int i = 0; i < n; i++) {
            result[i] = condition[i] ? a[i] : b[i];
        }
        results.store(at[3], result);
    });
}

template <class X>
ADJ_DEVICE void fill(const adj_fill_args& args, X value) {
    constexpr int N = adj_packet_size(sizeof(X));
    const adj_nest nest = {args.depth, args.dims};
    const adj_operand<X, N> results(static_cast<X*>(args.out), nest, 0);
    adj_for_each<N, 1>(nest, results.packets, [&](const int64_t (&at)[1], auto count) {
        constexpr int n = decltype(count)::value;
        X values[n];
        ADJ_UNROLL
        for (int i = 0; i < n; i++) {
            values[i] = value;
        }
        results.store(at[0], values);
    });
}

/* ---- the kernels of elementwise.def, type by type ---- */

/* They compute in T. */
#define UNARY(S, name, forward)                                                                \
    ADJ_STREAMING_KERNEL(adj_##name##_##S, adj_unary_args) {                                   \
        map<adj_type_##S, adj_type_##S>({args.depth, args.dims}, args.x, args.out,             \
                                        [](T x) -> T { return forward; });                     \
    }
#define GRADIENT(S, name, kept, gradient)                                                      \
    ADJ_STREAMING_KERNEL(adj_##name##_grad_##S, adj_unary_grad_args) {                         \
        map<adj_type_##S, adj_type_##S>({args.depth, args.dims}, args.grad, args.saved,        \
                                        args.out, [](T g, [[maybe_unused]] T kept) -> T {      \
                                            return gradient;                                   \
                                        });                                                    \
    }
/* Of bfloat16, only those that want no results back, which have lost too much. */
#define GRADIENT_BF16_none(name, gradient) GRADIENT(bf16, name, none, gradient)
#define GRADIENT_BF16_x(name, gradient) GRADIENT(bf16, name, x, gradient)
#define GRADIENT_BF16_y(name, gradient)

/* X and R are the elements of a and b and of the result; TYPE is what a scalar converts to. */
#define BINARY(S, name, TYPE, X, R, expression)                                            \
    ADJ_STREAMING_KERNEL(adj_##name##_##S, adj_binary_args) {                              \
        map<X, R>({args.depth, args.dims}, args.a, args.b, args.out,                       \
                  [](auto a, auto b) { return static_cast<adj_number<R>>(expression); });  \
    }                                                                                      \
    ADJ_STREAMING_KERNEL(adj_##name##_scalar_##S, adj_binary_scalar_args) {                \
        using number = adj_number<X>;                                                      \
        const number scalar = static_cast<number>(adj_convert<TYPE>(args.scalar));         \
        const bool first = args.scalar_first != 0;                                         \
        map<X, R>({args.depth, args.dims}, args.a, args.out, [=](number x) {               \
            const number a = first ? scalar : x;                                           \
            const number b = first ? x : scalar;                                           \
            return static_cast<adj_number<R>>(expression);                                 \
        });                                                                                \
    }

#define T float
#define ADJ_UNARY(name, forward, saved, gradient) \
    UNARY(f32, name, forward)                      \
    GRADIENT(f32, name, saved, gradient)
#define ADJ_ARITHMETIC(name, e) BINARY(f32, name, float, float, float, e)
#define ADJ_EXTREME(name, e) BINARY(f32, name, float, float, float, e)
#define ADJ_REAL(name, e) BINARY(f32, name, float, float, float, e)
#define ADJ_ORDER(name, e) BINARY(f32, name, float, float, uint8_t, e)
#define ADJ_EQUALITY(name, e) BINARY(f32, name, float, float, uint8_t, e)
#include "elementwise.def"
#undef T

#define T double
#define ADJ_UNARY(name, forward, saved, gradient) \
    UNARY(f64, name, forward)                      \
    GRADIENT(f64, name, saved, gradient)
#define ADJ_ARITHMETIC(name, e) BINARY(f64, name, double, double, double, e)
#define ADJ_EXTREME(name, e) BINARY(f64, name, double, double, double, e)
#define ADJ_REAL(name, e) BINARY(f64, name, double, double, double, e)
#define ADJ_ORDER(name, e) BINARY(f64, name, double, double, uint8_t, e)
#define ADJ_EQUALITY(name, e) BINARY(f64, name, double, double, uint8_t, e)
#include "elementwise.def"
#undef T

#define T float
#define ADJ_UNARY(name, forward, saved, gradient) \
    UNARY(bf16, name, forward)                    \
    GRADIENT_BF16_##saved(name, gradient)
#define ADJ_ARITHMETIC(name, e) BINARY(bf16, name, float, adj_type_bf16, adj_type_bf16, e)
#define ADJ_EXTREME(name, e) BINARY(bf16, name, float, adj_type_bf16, adj_type_bf16, e)
#define ADJ_REAL(name, e) BINARY(bf16, name, float, adj_type_bf16, adj_type_bf16, e)
#define ADJ_ORDER(name, e) BINARY(bf16, name, float, adj_type_bf16, uint8_t, e)
#define ADJ_EQUALITY(name, e) BINARY(bf16, name, float, adj_type_bf16, uint8_t, e)
#include "elementwise.def"
#undef T

/* Integers add, subtract and multiply as unsigned ones: modulo their width. */
#define ADJ_ARITHMETIC(name, e) BINARY(i32, name, int32_t, uint32_t, uint32_t, e)
#define ADJ_EXTREME(name, e) BINARY(i32, name, int32_t, int32_t, int32_t, e)
#define ADJ_ORDER(name, e) BINARY(i32, name, int32_t, int32_t, uint8_t, e)
#define ADJ_EQUALITY(name, e) BINARY(i32, name, int32_t, int32_t, uint8_t, e)
#include "elementwise.def"

#define ADJ_ARITHMETIC(name, e) BINARY(i64, name, int64_t, uint64_t, uint64_t, e)
#define ADJ_EXTREME(name, e) BINARY(i64, name, int64_t, int64_t, int64_t, e)
#define ADJ_ORDER(name, e) BINARY(i64, name, int64_t, int64_t, uint8_t, e)
#define ADJ_EQUALITY(name, e) BINARY(i64, name, int64_t, int64_t, uint8_t, e)
#include "elementwise.def"

#define ADJ_EQUALITY(name, e) BINARY(bool, name, adj_bool, uint8_t, uint8_t, e)
#include "elementwise.def"

/* ---- conversions ---- */

#define CAST(from, to)                                                        \
    ADJ_STREAMING_KERNEL(adj_cast_##from##_##to, adj_unary_args) {            \
        map<adj_type_##from, adj_type_##to>(                                  \
            {args.depth, args.dims}, args.x, args.out,                        \
            [](auto x) { return adj_convert<adj_type_##to>(x); });            \
    }
#define CASTS(S, A, B, C, D, E, F) \
    CAST(S, A)                     \
    CAST(S, B)                     \
    CAST(S, C)                     \
    CAST(S, D)                     \
    CAST(S, E)                     \
    CAST(S, F)
CASTS(f32, f64, i32, i64, bool, f16, bf16)
CASTS(f64, f32, i32, i64, bool, f16, bf16)
CASTS(i32, f32, f64, i64, bool, f16, bf16)
CASTS(i64, f32, f64, i32, bool, f16, bf16)
CASTS(bool, f32, f64, i32, i64, f16, bf16)
CASTS(f16, f32, f64, i32, i64, bool, bf16)
CASTS(bf16, f32, f64, i32, i64, bool, f16)

/* ---- moving elements: only their size matters ---- */

#define MOVING(S, BITS)                                                                       \
    ADJ_STREAMING_KERNEL(adj_copy_##S, adj_unary_args) {                                      \
        map<BITS, BITS>({args.depth, args.dims}, args.x, args.out, [](BITS x) { return x; }); \
    }                                                                                         \
    ADJ_STREAMING_KERNEL(adj_where_##S, adj_where_args) {                                     \
        choose<BITS>(args);                                                                   \
    }                                                                                         \
    ADJ_STREAMING_KERNEL(adj_fill_##S, adj_fill_args) {                                       \
        fill(args, adj_convert<adj_type_##S>(args.value));                                    \
    }
MOVING(f32, uint32_t)
MOVING(f64, uint64_t)
MOVING(i32, uint32_t)
MOVING(i64, uint64_t)
MOVING(bool, uint8_t)
MOVING(f16, uint16_t)
MOVING(bf16, uint16_t)

/* ---- transposing copies ---- */

/*
 * A copy whose out is dense along the last loop and x along the one before: square tiles pass
 * through shared memory, so that both are read and written along what is dense. Rows of a tile have
 * one more place, so that a column's elements lie in different banks.
 */
template <class X>
ADJ_DEVICE void transpose(const adj_unary_args& args) {
    constexpr int TILE = 32;
    constexpr int PITCH = TILE + 1;
    constexpr int ROWS = ADJ_THREADS / TILE;
    ADJ_SHARED(X, tile, TILE * PITCH);
    const adj_nest nest = {args.depth, args.dims};
    const int64_t inner_loop = args.depth - 1;
    const int64_t across_loop = args.depth - 2;
    const int64_t inner_tiles = adj_ceil_div(nest.size(inner_loop), TILE);
    const int64_t across_tiles = adj_ceil_div(nest.size(across_loop), TILE);
    int64_t tiles = inner_tiles * across_tiles;
    for (int64_t loop = 0; loop < across_loop; loop++) {
        tiles *= nest.size(loop);
    }
    const int column = static_cast<int>(threadIdx.x) % TILE;
    const int first_row = static_cast<int>(threadIdx.x) / TILE;
    for (int64_t number = blockIdx.x; number < tiles; number += gridDim.x) {
        const int64_t outer = number / (inner_tiles * across_tiles);
        const int64_t across = number / inner_tiles % across_tiles * TILE;
        const int64_t inner = number % inner_tiles * TILE;
        int64_t at[2] = {};
        adj_locate(nest, 0, across_loop, outer, at);
        const X* x =
            static_cast<const X*>(args.x) + at[0] + across + inner * nest.stride(0, inner_loop);
        X* out = static_cast<X*>(args.out) + at[1] + inner + across * nest.stride(1, across_loop);
        const int64_t inner_size = adj_min(TILE, nest.size(inner_loop) - inner);
        const int64_t across_size = adj_min(TILE, nest.size(across_loop) - across);
        ADJ_UNROLL
        for (int row = first_row; row < TILE; row += ROWS) {
            if (row < inner_size && column < across_size) {
                tile[row * PITCH + column] = x[row * nest.stride(0, inner_loop) + column];
            }
        }
        __syncthreads();
        ADJ_UNROLL
        for (int row = first_row; row < TILE; row += ROWS) {
            if (row < across_size && column < inner_size) {
                out[row * nest.stride(1, across_loop) + column] = tile[column * PITCH + row];
            }
        }
        __syncthreads();
    }
}

ADJ_KERNEL(adj_transpose_8, adj_unary_args) {
    transpose<uint8_t>(args);
}
ADJ_KERNEL(adj_transpose_16, adj_unary_args) {
    transpose<uint16_t>(args);
}
ADJ_KERNEL(adj_transpose_32, adj_unary_args) {
    transpose<uint32_t>(args);
}
ADJ_KERNEL(adj_transpose_64, adj_unary_args) {
    transpose<uint64_t>(args);
}
