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

#ifdef ADJ_SIMULATED
#    include "sim_cuda.h"
#else
#    include <cuda_bf16.h>
#    include <cuda_fp16.h>

#    define ADJ_KERNEL(name, Args) \
        extern "C" __global__ void name(const __grid_constant__ Args args)
#    define ADJ_SHARED(T, name, count) __shared__ T name[count]
/* As many bytes as the launch says. */
#    define ADJ_DYNAMIC_SHARED(T, name)                             \
        extern __shared__ __align__(16) unsigned char name##_bytes[]; \
        T* const name = reinterpret_cast<T*>(name##_bytes)
#    define ADJ_UNROLL _Pragma("unroll")
#    define ADJ_UNROLL_BY(n) _Pragma(ADJ_TEXT(unroll n))
#    define ADJ_TEXT(text) #text
#endif

#include "cuda_args.h"

#define ADJ_DEVICE static __device__ __forceinline__

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

/* ---- packets: neighbouring elements that one instruction moves, up to 16 bytes ---- */

constexpr int ADJ_PACKET_BYTES = 16;

template <class T, int N>
struct alignas(sizeof(T) * N) adj_packet {
    T at[N];
};

template <class T>
ADJ_DEVICE bool adj_is_aligned(const T* p, size_t bytes) {
    return reinterpret_cast<uintptr_t>(p) % bytes == 0;
}

/* N elements from p on, which is a multiple of their size together. */
template <int N, class T>
ADJ_DEVICE adj_packet<T, N> adj_load_packet(const T* p) {
    return *reinterpret_cast<const adj_packet<T, N>*>(p);
}
template <int N, class T>
ADJ_DEVICE void adj_store_packet(T* p, const adj_packet<T, N>& packet) {
    *reinterpret_cast<adj_packet<T, N>*>(p) = packet;
}

/* ---- loops over operands ---- */

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

/* Where `step` of the loops [first, last) is, as offsets into operands 0 to N - 1. */
template <int N>
ADJ_DEVICE void adj_locate(const adj_nest& nest, int64_t first, int64_t last, int64_t step,
                           int64_t (&at)[N]) {
    for (int64_t loop = last - 1; loop > first; loop--) {
        /* Unsigned, because then a quotient of small numbers takes few instructions. */
        const uint64_t size = static_cast<uint64_t>(nest.size(loop));
        const uint64_t outer = static_cast<uint64_t>(step) / size;
        const int64_t index = step - static_cast<int64_t>(outer * size);
        for (int k = 0; k < N; k++) {
            at[k] += index * nest.stride(k, loop);
        }
        step = static_cast<int64_t>(outer);
    }
    if (last > first) {
        for (int k = 0; k < N; k++) {
            at[k] += step * nest.stride(k, first);
        }
    }
}

/* An operand, N elements at a time: as a packet where they are neighbours and aligned. */
template <class T, int N>
struct adj_operand {
    T* base;
    int64_t step;
    bool packets;

    /* An array. */
    __device__ __forceinline__ explicit adj_operand(T* array)
        : base(array), step(1), packets(adj_is_aligned(array, N * sizeof(T))) {
    }

    /* Operand number k of a nest, along its innermost loop. */
    __device__ __forceinline__ adj_operand(T* first, const adj_nest& nest, int k)
        : base(first),
          step(nest.stride(k, nest.depth - 1)),
          packets(step == 1 && adj_is_aligned(first, N * sizeof(T))) {
        for (int64_t loop = 0; loop < nest.depth - 1; loop++) {
            packets = packets && nest.stride(k, loop) % N == 0;
        }
    }

    /* n elements, at most N, from offset `at` on. */
    template <class X>
    __device__ __forceinline__ void load(int64_t at, int n, X (&x)[N]) const {
        const T* p = base + at;
        if (packets && n == N) {
            const auto packet = adj_load_packet<N>(p);
            ADJ_UNROLL
            for (int i = 0; i < N; i++) {
                x[i] = packet.at[i];
            }
            return;
        }
        ADJ_UNROLL
        for (int i = 0; i < N; i++) {
            x[i] = i < n ? p[i * step] : X{};
        }
    }

    __device__ __forceinline__ void store(int64_t at, int n, const T (&x)[N]) const {
        T* p = base + at;
        if (packets && n == N) {
            adj_packet<T, N> packet;
            ADJ_UNROLL
            for (int i = 0; i < N; i++) {
                packet.at[i] = x[i];
            }
            adj_store_packet<N>(p, packet);
            return;
        }
        ADJ_UNROLL
        for (int i = 0; i < N; i++) {
            if (i < n) {
                p[i * step] = x[i];
            }
        }
    }
};

/* How many elements a thread takes at once: packets of the widest type are full. */
constexpr int adj_packet_size(size_t widest) {
    return static_cast<int>(ADJ_PACKET_BYTES / widest);
}

/*
 * body(at, n) for all groups of up to N elements along the innermost loop, dealt out to all threads
 * of the launch: the offsets of a group's first element in each of `Operands`, and how many it has.
 */
template <int N, int Operands, class F>
ADJ_DEVICE void adj_for_each(const adj_nest& nest, F body) {
    const int64_t last = nest.depth - 1;
    const int64_t inner = nest.size(last);
    const int64_t row_groups = (inner + N - 1) / N;
    int64_t groups = row_groups;
    for (int64_t loop = 0; loop < last; loop++) {
        groups *= nest.size(loop);
    }
    for (int64_t group = adj_thread(); group < groups; group += adj_threads()) {
        int64_t at[Operands] = {};
        int64_t first = group;
        if (last > 0) {
            const uint64_t row = static_cast<uint64_t>(group) / static_cast<uint64_t>(row_groups);
            first -= static_cast<int64_t>(row) * row_groups;
            adj_locate(nest, 0, last, static_cast<int64_t>(row), at);
        }
        first *= N;
        for (int k = 0; k < Operands; k++) {
            at[k] += first * nest.stride(k, last);
        }
        body(at, static_cast<int>(adj_min(N, inner - first)));
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
