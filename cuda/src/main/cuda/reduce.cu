/*
 * Reductions. Floating sums accumulate in double. The order in which elements are joined depends
 * on the launch's plan alone, so the same call gives the same bits.
 */
#include "common.cuh"
#include "convert.cuh"
#include "spans.cuh"

/* ---- what is accumulated, of elements T into results R ---- */

template <class A>
struct sum_in {
    using accumulator = A;
    static __device__ __forceinline__ A initial() {
        return A{0};
    }
    static __device__ __forceinline__ A join(A a, A b) {
        return a + b;
    }
};

template <class T, class R = T>
struct sum_of : sum_in<double> {
    using element = T;
    static __device__ __forceinline__ R result(double a, int64_t) {
        return adj_convert<R>(a);
    }
};

/* Unsigned: sums of integers are modulo 2^64. */
template <>
struct sum_of<int64_t, int64_t> : sum_in<uint64_t> {
    using element = int64_t;
    static __device__ __forceinline__ int64_t result(uint64_t a, int64_t) {
        return static_cast<int64_t>(a);
    }
};

template <class T>
struct mean_of : sum_in<double> {
    using element = T;
    static __device__ __forceinline__ T result(double a, int64_t steps) {
        return adj_convert<T>(a / static_cast<double>(steps));
    }
};

template <class T>
struct extreme {
    using element = T;
    using accumulator = adj_number<T>;
    static __device__ __forceinline__ T result(accumulator a, int64_t) {
        return adj_narrow<T>(a);
    }
};

ADJ_DEVICE float largest(float) {
    return INFINITY;
}
ADJ_DEVICE double largest(double) {
    return INFINITY;
}
ADJ_DEVICE int64_t largest(int64_t) {
    return INT64_MAX;
}
ADJ_DEVICE int64_t least(int64_t) {
    return INT64_MIN;
}
template <class T>
ADJ_DEVICE T least(T x) {
    return -largest(x);
}

template <class T>
struct max_of : extreme<T> {
    using A = adj_number<T>;
    static __device__ __forceinline__ A initial() {
        return least(A{});
    }
    static __device__ __forceinline__ A join(A a, A b) {
        return adj_larger(a, b);
    }
};

template <class T>
struct min_of : extreme<T> {
    using A = adj_number<T>;
    static __device__ __forceinline__ A initial() {
        return largest(A{});
    }
    static __device__ __forceinline__ A join(A a, A b) {
        return adj_smaller(a, b);
    }
};

/* ---- over any loops ---- */

/* Offsets into x and out, in this order. */
struct place {
    int64_t at[2] = {};
};

template <class Op>
using result_of = decltype(Op::result(Op::initial(), 0));

/*
 * N neighbouring results for each thread: one of any layout, or of columns, whose neighbours are a
 * packet in x. Of columns a multiprocessor has 64 KiB under way, with the 4 blocks that Java plans.
 */
template <class Op, int N>
ADJ_DEVICE void reduce(const adj_reduce_plan_args& args) {
    using T = typename Op::element;
    using A = typename Op::accumulator;
    using R = result_of<Op>;
    const adj_nest nest = {args.depth, args.dims};
    const int thread = static_cast<int>(threadIdx.x);
    const int width = static_cast<int>(args.width);
    const int height = ADJ_THREADS / width;
    const bool along = N == 1 && args.along;
    const int column = along ? thread / height : thread % width;
    const int row = along ? thread % height : thread / width;
    const int64_t result = (static_cast<int64_t>(blockIdx.x) * width + column) * N;

    place first;
    A a[N];
    ADJ_UNROLL
    for (int k = 0; k < N; k++) {
        a[k] = Op::initial();
    }
    if (result < args.results) {
        adj_locate(nest, 0, args.kept, result, first.at);
        const T* x = static_cast<const T*>(args.x) + first.at[0];
        const auto take = [&](int64_t, const adj_packet<T, N>& packet) {
            ADJ_UNROLL
            for (int k = 0; k < N; k++) {
                a[k] = Op::join(a[k], static_cast<A>(adj_widen(packet.at[k])));
            }
        };
        const int64_t part_steps = adj_ceil_div(args.steps, args.parts);
        const int64_t begin = blockIdx.y * part_steps;
        const int64_t end = adj_min(begin + part_steps, args.steps);
        if (args.depth - args.kept == 1) {
            const int64_t stride = nest.stride(0, args.kept);
            const auto load = [&](int64_t step) { return adj_load_elements<N>(x + step * stride); };
            adj_for_each_loaded<N == 1 ? 8 : 4>(begin + row, end, height, load, take);
        } else {
            const auto load = [&](int64_t step) {
                place element;
                adj_locate(nest, args.kept, args.depth, step, element.at);
                return adj_load_elements<N>(x + element.at[0]);
            };
            adj_for_each_loaded<1>(begin + row, end, height, load, take);
        }
    }

    ADJ_SHARED(A, joined, ADJ_THREADS * N);
    A* const own = joined + row * width + column;
    ADJ_UNROLL
    for (int k = 0; k < N; k++) {
        own[k * ADJ_THREADS] = a[k];
    }
    for (int below = height / 2; below > 0; below /= 2) {
        __syncthreads();
        if (row < below) {
            ADJ_UNROLL
            for (int k = 0; k < N; k++) {
                A* const one = own + k * ADJ_THREADS;
                *one = Op::join(*one, one[below * width]);
            }
        }
    }
    if (row != 0 || result >= args.results) {
        return;
    }
    ADJ_UNROLL
    for (int k = 0; k < N; k++) {
        const A one = own[k * ADJ_THREADS];
        if (args.parts > 1) {
            static_cast<A*>(args.partials)[blockIdx.y * args.results + result + k] = one;
        } else {
            const int64_t next = k == 0 ? 0 : k * nest.stride(1, args.kept - 1);
            static_cast<R*>(args.out)[first.at[1] + next] = Op::result(one, args.steps);
        }
    }
}

/* Joins the parts of each result, a warp for each. */
template <class Op>
ADJ_DEVICE void finish(const adj_reduce_plan_args& args) {
    using A = typename Op::accumulator;
    using R = result_of<Op>;
    const int64_t result = adj_thread() / ADJ_WARP;
    if (result >= args.results) {
        return;
    }
    const A* parts = static_cast<const A*>(args.partials) + result;
    A a = Op::initial();
    for (int64_t part = adj_lane(); part < args.parts; part += ADJ_WARP) {
        a = Op::join(a, parts[part * args.results]);
    }
    a = adj_warp_reduce(a, Op::join);
    if (adj_lane() == 0) {
        place first;
        adj_locate({args.depth, args.dims}, 0, args.kept, result, first.at);
        static_cast<R*>(args.out)[first.at[1]] = Op::result(a, args.steps);
    }
}

template <class Op>
ADJ_DEVICE void reduce_columns(const adj_reduce_plan_args& args) {
    reduce<Op, adj_packet_size(sizeof(typename Op::element))>(args);
}

#define REDUCE(name, S)                                                 \
    ADJ_KERNEL(adj_reduce_##name##_##S, adj_reduce_plan_args) {         \
        reduce<name##_of<adj_type_##S>, 1>(args);                       \
    }                                                                   \
    ADJ_KERNEL(adj_reduce_##name##_columns_##S, adj_reduce_plan_args) { \
        reduce_columns<name##_of<adj_type_##S>>(args);                  \
    }                                                                   \
    ADJ_KERNEL(adj_reduce_##name##_finish_##S, adj_reduce_plan_args) {  \
        finish<name##_of<adj_type_##S>>(args);                          \
    }
REDUCE(sum, f32)
REDUCE(sum, f64)
REDUCE(sum, bf16)
REDUCE(sum, i64)
REDUCE(mean, f32)
REDUCE(mean, f64)
REDUCE(mean, bf16)
REDUCE(max, f32)
REDUCE(max, f64)
REDUCE(max, bf16)
REDUCE(max, i64)
REDUCE(min, f32)
REDUCE(min, f64)
REDUCE(min, bf16)
REDUCE(min, i64)
/* Their parts are joined as those of float are. */
ADJ_KERNEL(adj_reduce_sum_f32_bf16, adj_reduce_plan_args) {
    reduce<sum_of<__nv_bfloat16, float>, 1>(args);
}
ADJ_KERNEL(adj_reduce_sum_f32_columns_bf16, adj_reduce_plan_args) {
    reduce_columns<sum_of<__nv_bfloat16, float>>(args);
}

/*
 * ---- the index of the first largest element, or of the first NaN: a block for each part of a row,
 * the parts along y ----
 */

template <class T>
struct candidate {
    T value;
    int64_t index; /* of no element: beyond all */
};

/* Whatever the order in which candidates meet, the same one is left. */
template <class T>
ADJ_DEVICE candidate<T> better(const candidate<T>& a, const candidate<T>& b) {
    const bool a_nan = a.value != a.value;
    const bool b_nan = b.value != b.value;
    if (a_nan != b_nan) {
        return a_nan ? a : b;
    }
    if (!a_nan && a.value != b.value) {
        return a.value > b.value ? a : b;
    }
    return a.index < b.index ? a : b;
}

template <class T>
ADJ_DEVICE candidate<T> best_of_warp(candidate<T> best) {
    for (int distance = ADJ_WARP / 2; distance > 0; distance /= 2) {
        best = better(best, candidate<T>{__shfl_xor_sync(ADJ_ALL_LANES, best.value, distance),
                                         __shfl_xor_sync(ADJ_ALL_LANES, best.index, distance)});
    }
    return best;
}

template <class T>
ADJ_DEVICE void argmax(const adj_argmax_parts_args& args) {
    const adj_argmax_args& block = args.block;
    place row;
    adj_locate({block.depth, block.dims}, 0, block.depth, blockIdx.x, row.at);
    using A = adj_number<T>;
    const T* x = static_cast<const T*>(block.x) + row.at[0];
    candidate<A> best = {least(A{}), INT64_MAX};
    const int64_t part_cols = adj_ceil_div(block.cols, args.parts);
    const int64_t begin = blockIdx.y * part_cols;
    const int64_t end = adj_min(begin + part_cols, block.cols);
    adj_for_each_loaded<4>(
        begin + threadIdx.x, end, blockDim.x,
        [&](int64_t col) { return adj_widen(x[col * block.col_stride]); },
        [&](int64_t col, A value) { best = better(best, candidate<A>{value, col}); });
    best = best_of_warp(best);
    ADJ_SHARED(A, values, ADJ_WARP);
    ADJ_SHARED(int64_t, indices, ADJ_WARP);
    if (adj_lane() == 0) {
        values[adj_warp()] = best.value;
        indices[adj_warp()] = best.index;
    }
    __syncthreads();
    if (threadIdx.x == 0) {
        const int warps = static_cast<int>(blockDim.x) / ADJ_WARP;
        for (int warp = 1; warp < warps; warp++) {
            best = better(best, candidate<A>{values[warp], indices[warp]});
        }
        if (args.parts > 1) {
            const int64_t part = static_cast<int64_t>(blockIdx.x) * args.parts + blockIdx.y;
            static_cast<candidate<A>*>(args.candidates)[part] = best;
        } else {
            block.out[row.at[1]] = best.index;
        }
    }
}

/* The best of the parts of each row, a block of one warp for each. */
template <class T>
ADJ_DEVICE void finish_argmax(const adj_argmax_parts_args& args) {
    using A = adj_number<T>;
    place row;
    adj_locate({args.block.depth, args.block.dims}, 0, args.block.depth, blockIdx.x, row.at);
    const candidate<A>* parts = static_cast<const candidate<A>*>(args.candidates) +
                                static_cast<int64_t>(blockIdx.x) * args.parts;
    candidate<A> best = {least(A{}), INT64_MAX};
    for (int64_t part = adj_lane(); part < args.parts; part += ADJ_WARP) {
        best = better(best, parts[part]);
    }
    best = best_of_warp(best);
    if (adj_lane() == 0) {
        args.block.out[row.at[1]] = best.index;
    }
}

#define ARGMAX(S)                                              \
    ADJ_KERNEL(adj_argmax_##S, adj_argmax_parts_args) {        \
        argmax<adj_type_##S>(args);                            \
    }                                                          \
    ADJ_KERNEL(adj_argmax_finish_##S, adj_argmax_parts_args) { \
        finish_argmax<adj_type_##S>(args);                     \
    }
ARGMAX(f32)
ARGMAX(f64)
ARGMAX(bf16)
ARGMAX(i64)

/* ---- the sum of the squares of many tensors ---- */

template <class T>
ADJ_DEVICE void sum_squares(const adj_sum_squares_args& args) {
    constexpr int N = adj_packet_size(sizeof(T));
    const adj_span span = adj_span_of_block(args.words + args.count, 1, args.count);
    double sum = 0;
    if (span.n > 0) {
        const adj_array<const T, N> x(adj_address<const T>(args.words[span.tensor]) + span.first);
        adj_for_span_of(x, span.n, [&](int64_t, int, const T(&values)[N]) {
            ADJ_UNROLL
            for (int k = 0; k < N; k++) { /* zeros behind the last */
                sum += static_cast<double>(values[k]) * static_cast<double>(values[k]);
            }
        });
    }
    sum = adj_block_sum(sum);
    if (threadIdx.x == 0) {
        args.out[blockIdx.x] = sum;
    }
}

ADJ_KERNEL(adj_sum_squares_f32, adj_sum_squares_args) {
    sum_squares<float>(args);
}
ADJ_KERNEL(adj_sum_squares_f64, adj_sum_squares_args) {
    sum_squares<double>(args);
}
/* One block. */
ADJ_KERNEL(adj_sum_partials, adj_sum_partials_args) {
    double sum = 0;
    for (int64_t i = threadIdx.x; i < args.count; i += blockDim.x) {
        sum += args.partials[i];
    }
    sum = adj_block_sum(sum);
    if (threadIdx.x == 0) {
        *args.out = sum;
    }
}
