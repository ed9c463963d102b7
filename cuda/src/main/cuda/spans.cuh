/* Kernels over many tensors in one launch: each block works on a chunk of one of them. */
#ifndef ADJ_SPANS_CUH
#define ADJ_SPANS_CUH

#include "common.cuh"

/* n elements of a tensor from `first` on. */
struct adj_span {
    int64_t tensor;
    int64_t first;
    int64_t n;
};

/* What this block works on; the lengths of `count` tensors are every `stride`-th word. */
ADJ_DEVICE adj_span adj_span_of_block(const int64_t* lengths, int64_t stride, int64_t count) {
    int64_t chunk = blockIdx.x;
    for (int64_t tensor = 0; tensor < count; tensor++) {
        const int64_t length = lengths[tensor * stride];
        const int64_t chunks = adj_ceil_div(length, ADJ_CHUNK);
        if (chunk < chunks) {
            const int64_t first = chunk * ADJ_CHUNK;
            return {tensor, first, adj_min(ADJ_CHUNK, length - first)};
        }
        chunk -= chunks;
    }
    return {count, 0, 0};
}

/* An address in a list of words. */
template <class T>
ADJ_DEVICE T* adj_address(int64_t word) {
    return reinterpret_cast<T*>(static_cast<uintptr_t>(word));
}

/* body(i, n) for the up to N elements from i on, of n elements in all, by the block's threads. */
template <int N, class F>
ADJ_DEVICE void adj_for_span(int64_t elements, F body) {
    for (int64_t i = static_cast<int64_t>(threadIdx.x) * N; i < elements;
         i += static_cast<int64_t>(blockDim.x) * N) {
        body(i, static_cast<int>(adj_min(N, elements - i)));
    }
}

/* body(i, n, x) with those elements of one array, of which several are under way at once. */
template <class T, int N, class F>
ADJ_DEVICE void adj_for_span_of(const adj_array<T, N>& xs, int64_t elements, F body) {
    const auto count = [&](int64_t i) { return static_cast<int>(adj_min(N, elements - i)); };
    adj_for_each_loaded<4>(
        static_cast<int64_t>(threadIdx.x) * N, elements, static_cast<int64_t>(blockDim.x) * N,
        [&](int64_t i) {
            adj_packet<adj_number<std::remove_const_t<T>>, N> packet;
            xs.load(i, count(i), packet.at);
            return packet;
        },
        [&](int64_t i, auto packet) { body(i, count(i), packet.at); });
}

#endif
