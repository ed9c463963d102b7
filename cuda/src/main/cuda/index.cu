/*
 * Rows of tables by index. A row whose index is out of range is skipped and reported; the others
 * are worked on.
 */
#include "common.cuh"

/* ---- gather ---- */

/* Rows as units of some bytes, to which addresses and rows are aligned. */
template <class Unit>
ADJ_DEVICE void gather(const adj_gather_args& args, const adj_error& error) {
    const Unit* table = static_cast<const Unit*>(args.table);
    Unit* out = static_cast<Unit*>(args.out);
    const uint64_t units = static_cast<uint64_t>(args.row_bytes) / sizeof(Unit);
    const uint64_t all = static_cast<uint64_t>(args.count) * units;
    for (uint64_t i = static_cast<uint64_t>(adj_thread()); i < all;
         i += static_cast<uint64_t>(adj_threads())) {
        const uint64_t row = i / units;
        const uint64_t unit = i - row * units;
        const uint64_t index = static_cast<uint64_t>(adj_read_once(args.indices + row));
        if (index < static_cast<uint64_t>(args.rows)) {
            out[i] = table[index * units + unit];
        } else if (unit == 0) {
            adj_report(error);
        }
    }
}

ADJ_KERNEL(adj_gather, adj_gather_checked_args) {
    const adj_gather_args& block = args.block;
    const uintptr_t places = reinterpret_cast<uintptr_t>(block.table) |
                             reinterpret_cast<uintptr_t>(block.out) |
                             static_cast<uintptr_t>(block.row_bytes);
    if (places % 16 == 0) {
        gather<adj_packet<uint32_t, 4>>(block, args.error);
    } else if (places % 4 == 0) {
        gather<uint32_t>(block, args.error);
    } else {
        gather<uint8_t>(block, args.error);
    }
}

/* ---- scatter_add ---- */

/*
 * Blocks with the same blockIdx.x own the rows of that number modulo gridDim.x, a power of two;
 * blockIdx.y cuts the columns. Every block reads all indices, a tile of ADJ_THREADS at a time,
 * lists in their order those of its rows, and adds them one after another. So each element has one
 * thread, which adds to it in the order of the indices.
 */
template <class T>
ADJ_DEVICE void scatter_add(const adj_scatter_add_args& args, const adj_error& error) {
    ADJ_SHARED(int64_t, sources, ADJ_THREADS);
    ADJ_SHARED(int64_t, targets, ADJ_THREADS);
    ADJ_SHARED(int, of_warps, 2 * ADJ_WARP); /* two tiles' counts, in turn */
    const T* __restrict__ x = static_cast<const T*>(args.x);
    T* __restrict__ out = static_cast<T*>(args.out);
    const int64_t column = static_cast<int64_t>(blockIdx.y) * blockDim.x + threadIdx.x;
    const int warps = static_cast<int>(blockDim.x) / ADJ_WARP;
    const unsigned lanes_before = (1u << adj_lane()) - 1;
    int* counts = of_warps;
    int* next_counts = of_warps + ADJ_WARP;
    for (int64_t begin = 0; begin < args.count; begin += blockDim.x) {
        const int64_t source = begin + threadIdx.x;
        const int64_t target = source < args.count ? adj_read_once(args.indices + source) : 0;
        const bool inside = static_cast<uint64_t>(target) < static_cast<uint64_t>(args.rows);
        if (source < args.count && !inside && blockIdx.x == 0 && blockIdx.y == 0) {
            adj_report(error);
        }
        const bool owned = source < args.count && inside &&
                           (static_cast<uint64_t>(target) & (gridDim.x - 1)) == blockIdx.x;
        const unsigned votes = __ballot_sync(ADJ_ALL_LANES, owned);
        if (adj_lane() == 0) {
            counts[adj_warp()] = __popc(votes);
        }
        __syncthreads();
        int place = __popc(votes & lanes_before);
        int listed = 0;
        for (int warp = 0; warp < warps; warp++) {
            place += warp < adj_warp() ? counts[warp] : 0;
            listed += counts[warp];
        }
        if (listed > 0) {
            if (owned) {
                sources[place] = source;
                targets[place] = target;
            }
            __syncthreads();
            if (column < args.width) {
                for (int i = 0; i < listed; i++) {
                    out[targets[i] * args.width + column] += x[sources[i] * args.width + column];
                }
            }
        }
        /* The next tile's counts go elsewhere: a slower warp may still be reading these. */
        int* const read = counts;
        counts = next_counts;
        next_counts = read;
    }
}

ADJ_KERNEL(adj_scatter_add_f32, adj_scatter_add_checked_args) {
    scatter_add<float>(args.block, args.error);
}
ADJ_KERNEL(adj_scatter_add_f64, adj_scatter_add_checked_args) {
    scatter_add<double>(args.block, args.error);
}
