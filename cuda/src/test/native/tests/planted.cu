/* Kernels with one fault each, and sound ones beside them, for test_simulation.cpp. */
#include "ptx.cuh"

struct vector_args {
    const float* x;
    float* out;
    int64_t n;
};

static int64_t index_of_thread() {
    return (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
}

ADJ_KERNEL(adj_double, vector_args) {
    const int64_t i = index_of_thread();
    if (i < args.n) {
        args.out[i] = 2 * args.x[i];
    }
}

/* Without the comparison with n: threads behind the end. */
ADJ_KERNEL(adj_read_beyond, vector_args) {
    const int64_t i = index_of_thread();
    const float x = args.x[i];
    if (i < args.n) {
        args.out[i] = x;
    }
}
ADJ_KERNEL(adj_write_beyond, vector_args) {
    args.out[index_of_thread()] = 1;
}

/* Every thread, or every block, writes one element. */
ADJ_KERNEL(adj_same_element, vector_args) {
    args.out[blockIdx.x] = args.x[threadIdx.x];
}
ADJ_KERNEL(adj_same_element_of_blocks, vector_args) {
    args.out[threadIdx.x] = args.x[threadIdx.x];
}
/* The n elements in reverse: sound if out is not x, or if it is one block with a barrier. */
ADJ_KERNEL(adj_reverse_all, vector_args) {
    const int64_t i = index_of_thread();
    const float x = args.x[args.n - 1 - i];
    if (gridDim.x == 1) {
        __syncthreads();
    }
    args.out[i] = x;
}

ADJ_KERNEL(adj_vectors, vector_args) {
    const int64_t i = index_of_thread();
    if (i < args.n / 4) {
        reinterpret_cast<float4*>(args.out)[i] = reinterpret_cast<const float4*>(args.x)[i];
    }
}

/* Each block reverses its elements. */
template <bool Barrier>
static void reverse(const vector_args& args) {
    ADJ_SHARED(float, tile, 256);
    const int64_t i = index_of_thread();
    tile[threadIdx.x] = args.x[i];
    if (Barrier) {
        __syncthreads();
    }
    args.out[i] = tile[blockDim.x - 1 - threadIdx.x];
}
ADJ_KERNEL(adj_reverse, vector_args) {
    reverse<true>(args);
}
ADJ_KERNEL(adj_reverse_without_barrier, vector_args) {
    reverse<false>(args);
}

/* Reads first, writes then: a second barrier is missing in the loop. */
template <bool Barrier>
static void rotate(const vector_args& args) {
    ADJ_SHARED(float, tile, 256);
    const int64_t i = index_of_thread();
    float x = args.x[i];
    for (int round = 0; round < 3; round++) {
        tile[threadIdx.x] = x;
        __syncthreads();
        x = tile[(threadIdx.x + 1) % blockDim.x];
        if (Barrier) {
            __syncthreads();
        }
    }
    args.out[i] = x;
}
ADJ_KERNEL(adj_rotate, vector_args) {
    rotate<true>(args);
}
ADJ_KERNEL(adj_rotate_without_barrier, vector_args) {
    rotate<false>(args);
}

/* Neighbours of a warp exchange through shared memory. */
template <bool Barrier>
static void exchange(const vector_args& args) {
    ADJ_SHARED(float, tile, 256);
    const int64_t i = index_of_thread();
    tile[threadIdx.x] = args.x[i];
    if (Barrier) {
        __syncwarp();
    }
    args.out[i] = tile[threadIdx.x ^ 1];
}
ADJ_KERNEL(adj_exchange, vector_args) {
    exchange<true>(args);
}
ADJ_KERNEL(adj_exchange_without_barrier, vector_args) {
    exchange<false>(args);
}

ADJ_KERNEL(adj_divergent_barrier, vector_args) {
    if (threadIdx.x % 2 == 0) {
        __syncthreads();
    } else {
        __syncthreads();
    }
    args.out[index_of_thread()] = 0;
}
ADJ_KERNEL(adj_early_end, vector_args) {
    if (index_of_thread() >= args.n) {
        return;
    }
    __syncthreads();
    args.out[index_of_thread()] = 0;
}

ADJ_KERNEL(adj_shared_beyond, vector_args) {
    ADJ_SHARED(float, tile, 64);
    float* const p = tile;
    p[threadIdx.x] = 1; /* of more than 64 threads */
    args.out[index_of_thread()] = 0;
}
ADJ_KERNEL(adj_dynamic_shared, vector_args) {
    ADJ_DYNAMIC_SHARED(float, tile);
    tile[threadIdx.x] = args.x[index_of_thread()];
    args.out[index_of_thread()] = tile[threadIdx.x];
}
ADJ_KERNEL(adj_static_shared_too_large, vector_args) {
    ADJ_SHARED(double, tile, 6145);
    tile[threadIdx.x] = 0;
    args.out[index_of_thread()] = 0;
}
/* Only the first thread writes: the others see what nobody set. */
ADJ_KERNEL(adj_shared_unset, vector_args) {
    ADJ_SHARED(float, tile, 256);
    if (threadIdx.x == 0) {
        tile[0] = 1;
    }
    __syncthreads();
    args.out[index_of_thread()] = tile[threadIdx.x];
}

/* Rotates each block by 4 by way of copies that its threads do not wait for at once. */
template <bool Wait, bool BarrierAfter, bool BarrierBefore>
static void copy_async(const vector_args& args) {
    ADJ_SHARED(float, tile, 512);
    const unsigned i = 4 * threadIdx.x; /* 16 bytes */
    const unsigned n = 4 * blockDim.x;
    for (int round = 0; round < 2; round++) {
        if (BarrierBefore) {
            __syncthreads();
        }
        adj_copy_async(tile + i, args.x + i, 16);
        adj_copy_commit();
        if (Wait) {
            adj_copy_wait<0>();
        } else if (round > 0) {
            adj_copy_wait<1>();
        }
        if (BarrierAfter) {
            __syncthreads();
        }
        for (unsigned k = 0; k < 4; k++) {
            args.out[i + k] = tile[(i + k + 4) % n];
        }
    }
}
ADJ_KERNEL(adj_copy_async_sound, vector_args) {
    copy_async<true, true, true>(args);
}
ADJ_KERNEL(adj_copy_async_without_wait, vector_args) {
    copy_async<false, true, true>(args);
}
ADJ_KERNEL(adj_copy_async_without_barrier, vector_args) {
    copy_async<true, false, true>(args);
}
ADJ_KERNEL(adj_copy_async_too_early, vector_args) {
    copy_async<true, true, false>(args);
}
/* Of 16 bytes, the first 4 n; the group before stays under way, and is read. */
ADJ_KERNEL(adj_copy_async_groups, vector_args) {
    ADJ_SHARED(float, tile, 8);
    adj_copy_async(tile, args.x, static_cast<int>(4 * args.n));
    adj_copy_commit();
    adj_copy_async(tile + 4, args.x, 16);
    adj_copy_commit();
    adj_copy_wait<1>();
    for (int k = 0; k < 8; k++) {
        args.out[k] = tile[k];
    }
    adj_copy_wait<0>();
}

/*
 * The product of two matrices of small integers on tensor cores, with elements where the PTX ISA
 * has them (section "Matrix Fragments for mma.m16n8k16 with floating point type").
 */
ADJ_KERNEL(adj_mma_product, vector_args) {
    const int group = static_cast<int>(threadIdx.x) >> 2;
    const int within = static_cast<int>(threadIdx.x) % 4;
    uint32_t a[4] = {};
    for (int i = 0; i < 8; i++) {
        const int row = i < 2 || (4 <= i && i < 6) ? group : group + 8;
        const int column = within * 2 + (i & 1) + (i < 4 ? 0 : 8);
        const uint32_t bits = __nv_bfloat16(static_cast<float>(row * 3 - column)).bits;
        a[i / 2] |= bits << i % 2 * 16;
    }
    uint32_t b[2] = {};
    for (int i = 0; i < 4; i++) {
        const int row = within * 2 + (i & 1) + (i < 2 ? 0 : 8);
        const uint32_t bits = __nv_bfloat16(static_cast<float>(row * row % 7 - 5 * group)).bits;
        b[i / 2] |= bits << i % 2 * 16;
    }
    float c[4] = {1, 1, 1, 1};
    adj_mma<__nv_bfloat16>(c, a, b[0], b[1]);
    for (int i = 0; i < 4; i++) {
        const int row = i < 2 ? group : group + 8;
        const int column = within * 2 + (i & 1);
        args.out[row * 8 + column] = c[i];
    }
}

/* What each lane gets of four matrices whose elements are 64 m + 8 row + column: as they are, then
 * transposed. */
template <bool Barrier>
static void matrices(const vector_args& args) {
    ADJ_SHARED(__nv_bfloat16, rows, 32 * 8);
    const int lane = static_cast<int>(threadIdx.x);
    for (int k = 0; k < 8; k++) {
        rows[(lane ^ 1) * 8 + k] = __nv_bfloat16(static_cast<float>((lane ^ 1) * 8 + k));
    }
    if (Barrier) {
        __syncwarp();
    }
    uint32_t m[4];
    for (int turned = 0; turned < 2; turned++) {
        if (turned == 0) {
            adj_load_matrices(m, rows + lane * 8);
        } else {
            adj_load_matrices_turned(m, rows + lane * 8);
        }
        for (int i = 0; i < 8; i++) {
            const auto bits = static_cast<unsigned short>(m[i / 2] >> i % 2 * 16);
            args.out[turned * 256 + lane * 8 + i] = sim_f32_of_bf16(bits);
        }
    }
}

ADJ_KERNEL(adj_matrices, vector_args) {
    matrices<true>(args);
}
ADJ_KERNEL(adj_matrices_without_barrier, vector_args) {
    matrices<false>(args);
}

/* Half of the lanes only. */
ADJ_KERNEL(adj_mma_half, vector_args) {
    float c[4] = {};
    const uint32_t a[4] = {};
    if (threadIdx.x < 16) {
        return;
    }
    adj_mma<__nv_bfloat16>(c, a, 0, 0);
    args.out[threadIdx.x] = c[0];
}

/* The sum of a block, in every thread; n counts the elements of the block. */
ADJ_KERNEL(adj_block_sum, vector_args) {
    ADJ_SHARED(float, of_warps, 32);
    const unsigned warp = threadIdx.x / 32;
    float sum = args.x[index_of_thread()];
    for (int distance = 16; distance > 0; distance /= 2) {
        sum += __shfl_xor_sync(0xffffffffu, sum, distance);
    }
    if (threadIdx.x % 32 == 0) {
        of_warps[warp] = sum;
    }
    __syncthreads();
    sum = threadIdx.x % 32 < blockDim.x / 32 ? of_warps[threadIdx.x % 32] : 0;
    for (int distance = 16; distance > 0; distance /= 2) {
        sum += __shfl_xor_sync(0xffffffffu, sum, distance);
    }
    args.out[index_of_thread()] = sum;
}

/* What each lane gets, as numbers of lanes; a warp. */
ADJ_KERNEL(adj_shuffles, vector_args) {
    const int lane = (int)threadIdx.x;
    float* const out = args.out + 8 * lane;
    out[0] = (float)__shfl_sync(0xffffffffu, lane, 5);
    out[1] = (float)__shfl_sync(0xffffffffu, lane, 5, 8);
    out[2] = (float)__shfl_up_sync(0xffffffffu, lane, 3);
    out[3] = (float)__shfl_down_sync(0xffffffffu, lane, 3, 16);
    out[4] = (float)__shfl_xor_sync(0xffffffffu, lane, 9);
    out[5] = (float)(__ballot_sync(0xffffffffu, lane % 3 == 0) >> 16);
    out[6] = (float)(__any_sync(0xffffffffu, lane == 31) + 2 * __all_sync(0xffffffffu, lane < 31));
    /* The two halves go their own ways. */
    out[7] =
        (float)(lane < 16 ? __shfl_sync(0xffffu, lane, 7) : __shfl_down_sync(0xffff0000u, lane, 1));
}
ADJ_KERNEL(adj_divergent_warp, vector_args) {
    const int lane = (int)threadIdx.x;
    args.out[lane] = (float)(lane < 16 ? __shfl_sync(0xffffffffu, lane, 7)
                                       : __shfl_down_sync(0xffffffffu, lane, 1));
}
ADJ_KERNEL(adj_wrong_mask, vector_args) {
    args.out[threadIdx.x] = (float)__shfl_sync(0xffffu, (int)threadIdx.x, 7);
}
/* Half of the warp waits for the block, the other half for the first. */
ADJ_KERNEL(adj_deadlock, vector_args) {
    if (threadIdx.x < 16) {
        __syncwarp();
    }
    __syncthreads();
    args.out[threadIdx.x] = 0;
}

ADJ_KERNEL(adj_count, vector_args) {
    ADJ_SHARED(int, count, 1);
    if (threadIdx.x == 0) {
        count[0] = 0;
    }
    __syncthreads();
    atomicAdd(count, 1);
    __syncthreads();
    if (threadIdx.x == 0) {
        atomicAdd(args.out, (float)count[0]);
    }
}
ADJ_KERNEL(adj_count_while_read, vector_args) {
    ADJ_SHARED(int, count, 1);
    if (threadIdx.x == 0) {
        count[0] = 0;
    }
    __syncthreads();
    atomicAdd(count, 1);
    args.out[threadIdx.x] = (float)count[0];
}

/* Different bits for each thread and each order in which they run: only for the test of the order.
 */
ADJ_KERNEL(adj_order, vector_args) {
    args.out[index_of_thread()] = atomicAdd(args.out + args.n, 1.0f);
}

ADJ_KERNEL(adj_halves, vector_args) {
    const float x = args.x[threadIdx.x];
    args.out[2 * threadIdx.x] = __bfloat162float(__float2bfloat16_rn(x));
    args.out[2 * threadIdx.x + 1] = __half2float(__float2half_rn(x));
}

ADJ_KERNEL(adj_trap, vector_args) {
    if (threadIdx.x == 3) {
        __trap();
    }
    args.out[threadIdx.x] = 0;
}

/* As long as all drivers take, as those of CUDA 12.1 do, and longer. */
template <int Words>
struct long_args {
    int64_t* out;
    int64_t words[Words - 1];
};
ADJ_KERNEL(adj_parameters_4096, long_args<512>) {
    *args.out = args.words[510];
}
ADJ_KERNEL(adj_parameters_32760, long_args<4095>) {
    *args.out = args.words[4093];
}
ADJ_KERNEL(adj_parameters_32768, long_args<4096>) {
    *args.out = args.words[4094];
}
