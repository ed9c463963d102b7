/*
 * What the kernel files share: how a kernel is declared, packets of elements, loops over strided
 * operands, reductions of a warp and of a block.
 *
 * A kernel has one parameter, the block of 8-byte words of kernels.h or cuda_args.h, by value. Its
 * results do not depend on how many blocks it is launched with, unless it says so.
 *
 * Under ADJ_SIMULATED a host compiler takes the same files; sim_cuda.h then declares what CUDA
 * would, the macros below among it.
 */
#ifndef ADJ_COMMON_CUH
#define ADJ_COMMON_CUH

#include <stddef.h>
#include <stdint.h>

#include <type_traits>
#include <utility>

#ifdef ADJ_SIMULATED
#    include "sim_cuda.h"
#    define ADJ_STREAMING_KERNEL(name, Args) ADJ_KERNEL(name, Args)
#    define ADJ_FORGET(address)
#else
#    include <cuda_bf16.h>
#    include <cuda_fp16.h>

#    define ADJ_KERNEL(name, Args) \
        extern "C" __global__ void name(const __grid_constant__ Args args)
/* One that waits for memory: with few enough registers that all threads of a multiprocessor run. */
#    define ADJ_STREAMING_KERNEL(name, Args)                         \
        extern "C" __global__ void __maxnreg__(adj_registers(#name)) \
            name(const __grid_constant__ Args args)

constexpr bool adj_is_same(const char* a, const char* b) {
    while (*a != 0 && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

/*
 * 32 for each of 2048 threads, which build-kernels.sh raises where there are fewer. Some would have
 * to keep values in memory then; they have as many as keep them out of it.
 */
constexpr int adj_registers(const char* kernel) {
    constexpr struct {
        const char* kernel;
        int registers;
    } MORE[] = {
        {"adj_gelu_grad_bf16", 40},
        {"adj_gelu_tanh_grad_bf16", 40},
        {"adj_gelu_tanh_grad_f64", 40},
        {"adj_cos_grad_f64", 40},
        {"adj_sin_grad_f64", 40},
        {"adj_sqrt_grad_f64", 40},
        {"adj_pow_scalar_f64", 40},
        {"adj_pow_f64", 48},
    };
    for (const auto& one : MORE) {
        if (adj_is_same(kernel, one.kernel)) {
            return one.registers;
        }
    }
    return 32;
}
/* Aligned for packets, which without saying so only the type would be. */
#    define ADJ_SHARED(T, name, count) __shared__ __align__(16) T name[count]
/* As many bytes as the launch says. */
#    define ADJ_DYNAMIC_SHARED(T, name)                               \
        extern __shared__ __align__(16) unsigned char name##_bytes[]; \
        T* const name = reinterpret_cast<T*>(name##_bytes)
#    define ADJ_UNROLL _Pragma("unroll")
#    define ADJ_UNROLL_BY(n) _Pragma(ADJ_TEXT(unroll n))
#    define ADJ_TEXT(text) #text
/* Lets the compiler know nothing of how an address came about. */
#    define ADJ_FORGET(address) asm("" : "+l"(address))
#endif

#include "cuda_args.h"

#define ADJ_DEVICE static __device__ __forceinline__
/* One copy for all kernels, where many would be long. */
#define ADJ_CALLED [[maybe_unused]] static __device__ __noinline__

constexpr int ADJ_WARP = 32;
constexpr unsigned ADJ_ALL_LANES = 0xffffffffu;

ADJ_DEVICE int64_t adj_min(int64_t a, int64_t b) {
    return a < b ? a : b;
}
ADJ_DEVICE int64_t adj_max(int64_t a, int64_t b) {
    return a > b ? a : b;
}

ADJ_DEVICE int64_t adj_ceil_div(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

/* This thread's number among all of the launch (along x), and how many they are. */
ADJ_DEVICE int64_t adj_thread() {
    return static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}
ADJ_DEVICE int64_t adj_threads() {
    return static_cast<int64_t>(gridDim.x) * blockDim.x;
}

ADJ_DEVICE int adj_lane() {
    return static_cast<int>(threadIdx.x) % ADJ_WARP;
}
ADJ_DEVICE int adj_warp() {
    return static_cast<int>(threadIdx.x) / ADJ_WARP;
}

ADJ_DEVICE void adj_report(const adj_error& error) {
    atomicCAS(reinterpret_cast<unsigned long long*>(error.word), 0ull,
              static_cast<unsigned long long>(error.code));
}

/* An index that another stream or the host may be changing, read once: what is checked is used. */
ADJ_DEVICE int64_t adj_read_once(const int64_t* x) {
    return *static_cast<const volatile int64_t*>(x);
}

/* ---- elements and the numbers that are computed with ---- */

/* The element types by the suffixes of kernel names. bool is stored as 0 or 1. */
enum class adj_bool : uint8_t {};
using adj_type_f32 = float;
using adj_type_f64 = double;
using adj_type_i32 = int32_t;
using adj_type_i64 = int64_t;
using adj_type_bool = adj_bool;
using adj_type_f16 = __half;
using adj_type_bf16 = __nv_bfloat16;

/* What arithmetic sees of an element: 16-bit types are read as float, bool as a number. */
template <class T>
ADJ_DEVICE T adj_widen(T x) {
    return x;
}
ADJ_DEVICE float adj_widen(__half x) {
    return __half2float(x);
}
ADJ_DEVICE float adj_widen(__nv_bfloat16 x) {
    return __bfloat162float(x);
}
ADJ_DEVICE int32_t adj_widen(adj_bool x) {
    return static_cast<int32_t>(x);
}

template <class T>
using adj_number = decltype(adj_widen(std::declval<T>()));

/* The element T that holds a result: 16-bit types are rounded here, once. */
template <class T>
ADJ_DEVICE T adj_narrow(T x) {
    return x;
}
template <class T, class = std::enable_if_t<std::is_same_v<T, __half>>, int = 0>
ADJ_DEVICE T adj_narrow(float x) {
    return __float2half_rn(x);
}
template <class T, class = std::enable_if_t<std::is_same_v<T, __nv_bfloat16>>>
ADJ_DEVICE T adj_narrow(float x) {
    return __float2bfloat16_rn(x);
}

/* ---- packets: neighbouring elements, moved 16 bytes at a time ---- */

constexpr int ADJ_PACKET_BYTES = 16;

template <class T, int N>
struct alignas(sizeof(T) * N < ADJ_PACKET_BYTES ? sizeof(T) * N : ADJ_PACKET_BYTES) adj_packet {
    T at[N];
};

template <class T>
ADJ_DEVICE bool adj_is_aligned(const T* p, size_t bytes) {
    return reinterpret_cast<uintptr_t>(p) % bytes == 0;
}

/* N elements from p on, which is a multiple of their size together or of ADJ_PACKET_BYTES. */
template <int N, class T>
ADJ_DEVICE adj_packet<T, N> adj_load_elements(const T* p) {
    return *reinterpret_cast<const adj_packet<T, N>*>(p);
}
/* The same as numbers. */
template <class T, int N>
ADJ_DEVICE adj_packet<adj_number<T>, N> adj_widen_packet(const adj_packet<T, N>& packet) {
    adj_packet<adj_number<T>, N> numbers;
    ADJ_UNROLL
    for (int k = 0; k < N; k++) {
        numbers.at[k] = adj_widen(packet.at[k]);
    }
    return numbers;
}
template <int N, class T>
ADJ_DEVICE adj_packet<adj_number<T>, N> adj_load_packet(const T* p) {
    return adj_widen_packet(adj_load_elements<N>(p));
}
/* Of elements or of numbers. */
template <int N, class T, class X>
ADJ_DEVICE void adj_store_packet(T* p, const adj_packet<X, N>& numbers) {
    adj_packet<T, N> packet;
    ADJ_UNROLL
    for (int k = 0; k < N; k++) {
        packet.at[k] = adj_narrow<T>(numbers.at[k]);
    }
    *reinterpret_cast<adj_packet<T, N>*>(p) = packet;
}

/* ---- dense arrays ---- */

/* An array, N elements at a time: as a packet where they are aligned and all there. */
template <class T, int N>
struct adj_array {
    T* base;
    bool packets;

    __device__ __forceinline__ explicit adj_array(T* first)
        : base(first), packets(adj_is_aligned(first, N * sizeof(T))) {}

    /* n elements, at most N, from number i on; zeros behind them. */
    template <class X>
    __device__ __forceinline__ void load(int64_t i, int n, X (&x)[N]) const {
        if (packets && n == N) {
            const auto packet = adj_load_packet<N>(base + i);
            ADJ_UNROLL
            for (int k = 0; k < N; k++) {
                x[k] = packet.at[k];
            }
            return;
        }
        ADJ_UNROLL
        for (int k = 0; k < N; k++) {
            x[k] = k < n ? adj_widen(base[i + k]) : X{};
        }
    }

    template <class X>
    __device__ __forceinline__ void store(int64_t i, int n, const X (&x)[N]) const {
        if (packets && n == N) {
            adj_packet<X, N> packet;
            ADJ_UNROLL
            for (int k = 0; k < N; k++) {
                packet.at[k] = x[k];
            }
            adj_store_packet<N>(base + i, packet);
            return;
        }
        ADJ_UNROLL
        for (int k = 0; k < N; k++) {
            if (k < n) {
                base[i + k] = adj_narrow<T>(x[k]);
            }
        }
    }
};

/* ---- loops over strided operands ---- */

/* Kept out of line: hardly anything is so large, and inlined it would be most of many kernels. */
ADJ_CALLED uint64_t adj_divide_wide(uint64_t a, uint64_t b) {
    return a / b;
}

ADJ_DEVICE int64_t adj_divide(int64_t a, int64_t b) {
    const uint64_t x = static_cast<uint64_t>(a);
    const uint64_t y = static_cast<uint64_t>(b);
    const bool narrow = (x | y) >> 32 == 0;
    return static_cast<int64_t>(narrow ? static_cast<uint32_t>(x) / static_cast<uint32_t>(y)
                                       : adj_divide_wide(x, y));
}

/* A nest of loops as kernels.h packs it: sizes, then each operand's strides. */
struct adj_nest {
    int64_t depth;
    const int64_t* dims;

    __device__ __forceinline__ int64_t size(int64_t loop) const {
        return dims[loop];
    }
    __device__ __forceinline__ int64_t stride(int operand, int64_t loop) const {
        return dims[depth * (1 + operand) + loop];
    }
};

/* Where `step` of the loops [first, last) is, added to offsets into operands 0 to N - 1. */
template <int N>
ADJ_DEVICE void adj_locate(const adj_nest& nest, int64_t first, int64_t last, int64_t step,
                           int64_t (&at)[N]) {
    ADJ_UNROLL_BY(1)
    for (int64_t loop = last - 1; loop >= first; loop--) {
        int64_t index = step;
        if (loop > first) {
            step = adj_divide(step, nest.size(loop));
            index -= step * nest.size(loop);
        }
        ADJ_UNROLL
        for (int k = 0; k < N; k++) {
            at[k] += index * nest.stride(k, loop);
        }
    }
}

/* How many elements a thread takes at once: packets of the widest type are full. */
__host__ __device__ constexpr int adj_packet_size(size_t widest) {
    return static_cast<int>(ADJ_PACKET_BYTES / widest);
}

/* An operand of a nest, one element or N neighbours along the innermost loop at a time. */
template <class T, int N>
struct adj_operand {
    T* base;
    bool repeats; /* the innermost loop stays at one element */
    bool packets; /* if not, N neighbours are an aligned packet */

    /* Operand number k of a nest. */
    __device__ __forceinline__ adj_operand(T* first, const adj_nest& nest, int k)
        : base(first),
          repeats(nest.stride(k, nest.depth - 1) == 0),
          packets(nest.stride(k, nest.depth - 1) == 1 && adj_is_aligned(first, N * sizeof(T))) {
        ADJ_UNROLL_BY(1)
        for (int64_t loop = 0; loop < nest.depth - 1; loop++) {
            packets = packets && nest.stride(k, loop) % N == 0;
        }
    }

    template <class X>
    __device__ __forceinline__ void load(int64_t at, X (&x)[1]) const {
        x[0] = adj_widen(base[at]);
    }
    template <class X>
    __device__ __forceinline__ void load(int64_t at, X (&x)[N]) const {
        if (repeats) {
            const X one = adj_widen(base[at]);
            ADJ_UNROLL
            for (int i = 0; i < N; i++) {
                x[i] = one;
            }
            return;
        }
        const auto packet = adj_load_packet<N>(base + at);
        ADJ_UNROLL
        for (int i = 0; i < N; i++) {
            x[i] = packet.at[i];
        }
    }

    template <class X>
    __device__ __forceinline__ void store(int64_t at, const X (&x)[1]) const {
        base[at] = adj_narrow<T>(x[0]);
    }
    template <class X>
    __device__ __forceinline__ void store(int64_t at, const X (&x)[N]) const {
        adj_packet<X, N> packet;
        ADJ_UNROLL
        for (int i = 0; i < N; i++) {
            packet.at[i] = x[i];
        }
        adj_store_packet<N>(base + at, packet);
    }
};

/*
 * body(at, n) for all elements of a nest, dealt out to all threads of the launch: if `packets`, for
 * N neighbours of the innermost loop at a time, as long as there are so many, else one by one. `at`
 * are the offsets of the first in each of the operands, n is a constant.
 */
template <int N, int Operands, class F>
ADJ_DEVICE void adj_for_each(const adj_nest& nest, bool packets, F body) {
    const int64_t last = nest.depth - 1;
    const int64_t inner = nest.size(last);
    const int64_t row_packets = packets ? inner / N : 0;
    const int64_t row_groups = row_packets + inner - row_packets * N;
    int64_t groups = row_groups;
    ADJ_UNROLL_BY(1)
    for (int64_t loop = 0; loop < last; loop++) {
        groups *= nest.size(loop);
    }
    ADJ_UNROLL_BY(1)
    for (int64_t group = adj_thread(); group < groups; group += adj_threads()) {
        int64_t at[Operands] = {};
        int64_t place = group;
        if (last > 0) {
            const int64_t row = adj_divide(group, row_groups);
            place -= row * row_groups;
            adj_locate(nest, 0, last, row, at);
        }
        const bool single = place >= row_packets;
        const int64_t step = single ? place + row_packets * (N - 1) : place * N;
        ADJ_UNROLL
        for (int k = 0; k < Operands; k++) {
            at[k] += step * nest.stride(k, last);
        }
        if (single) {
            body(at, std::integral_constant<int, 1>());
        } else {
            body(at, std::integral_constant<int, N>());
        }
    }
}

/* ---- loops that wait for memory ---- */

/*
 * take(i, load(i)) for each i from `first` to before `end`, by `stride`. AT_ONCE loads are under
 * way before the first is waited for: where a loop is only unrolled, the question whether it ends
 * lies between them.
 */
template <int AT_ONCE, class L, class F>
ADJ_DEVICE void adj_for_each_loaded(int64_t first, int64_t end, int64_t stride, L load, F take) {
    int64_t i = first;
    ADJ_UNROLL_BY(1)
    for (; i + (AT_ONCE - 1) * stride < end; i += AT_ONCE * stride) {
        decltype(load(i)) loaded[AT_ONCE];
        ADJ_UNROLL
        for (int k = 0; k < AT_ONCE; k++) {
            loaded[k] = load(i + k * stride);
        }
        ADJ_UNROLL
        for (int k = 0; k < AT_ONCE; k++) {
            take(i + k * stride, loaded[k]);
        }
    }
    ADJ_UNROLL_BY(1)
    for (; i < end; i += stride) {
        take(i, load(i));
    }
}

/* ---- reductions: every thread gets the result, the same bits each time ---- */

/* Of the lanes of a warp, or of its `lanes` neighbours (a power of two). `join` commutes. */
template <class A, class F>
ADJ_DEVICE A adj_warp_reduce(A a, F join, int lanes = ADJ_WARP) {
    for (int distance = lanes / 2; distance > 0; distance /= 2) {
        a = join(a, __shfl_xor_sync(ADJ_ALL_LANES, a, distance));
    }
    return a;
}

/* Of all threads of a block of whole warps. `initial` changes nothing when joined. */
template <class A, class F>
ADJ_DEVICE A adj_block_reduce(A a, A initial, F join) {
    ADJ_SHARED(A, of_warps, ADJ_WARP);
    a = adj_warp_reduce(a, join);
    __syncthreads(); /* what an earlier call left there has been read */
    if (adj_lane() == 0) {
        of_warps[adj_warp()] = a;
    }
    __syncthreads();
    const int warps = static_cast<int>(blockDim.x) / ADJ_WARP;
    return adj_warp_reduce(adj_lane() < warps ? of_warps[adj_lane()] : initial, join);
}

template <class A>
ADJ_DEVICE A adj_block_sum(A a) {
    return adj_block_reduce(a, A{}, [](A x, A y) { return x + y; });
}

/* NaN wins. */
template <class A>
ADJ_DEVICE A adj_larger(A a, A b) {
    return b > a || b != b ? b : a;
}
template <class A>
ADJ_DEVICE A adj_smaller(A a, A b) {
    return b < a || b != b ? b : a;
}

#endif
