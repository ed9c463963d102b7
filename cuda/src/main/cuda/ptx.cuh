/*
 * Instructions of compute capability 8.0 that CUDA C++ has no functions for: products of tensor
 * cores, loads of their operands, copies that a thread does not wait for. Under ADJ_SIMULATED each
 * has a twin in plain C++ that deals elements out to lanes as the PTX ISA says; all 32 lanes of a
 * warp call them together, but for the copies.
 *
 * Registers of mma.m16n8k16, row by row: lane 4g + t holds columns 2t and 2t + 1 of row g, then of
 * row g + 8; in A, after these the same of columns 8 to 15. In B it holds rows 2t and 2t + 1 of
 * column g, then those 8 further down.
 */
#ifndef ADJ_PTX_CUH
#define ADJ_PTX_CUH

#include <math.h>

#include "common.cuh"

#ifdef ADJ_SIMULATED

struct adj_mma_operands {
    uint32_t a[4];
    uint32_t b[2];
};

/* Element k % 2 of a register, widened. */
inline float adj_half_of(uint32_t word, int k) {
    return sim_f32_of_bf16(static_cast<unsigned short>(word >> k % 2 * 16));
}

/* c += a · b: [16, 16] · [16, 8]. */
SIM_UNSEEN inline void adj_mma(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
    adj_mma_operands all[ADJ_WARP];
    sim_lanes("mma", {{a[0], a[1], a[2], a[3]}, {b0, b1}}, all);
    for (int i = 0; i < 4; i++) {
        const int row = sim_lane() / 4; /* or 8 further down */
        const int column = sim_lane() % 4 * 2 + i % 2;
        for (int k = 0; k < 16; k++) {
            const float left = adj_half_of(all[row * 4 + k % 8 / 2].a[i / 2 + k / 8 * 2], k);
            const float right = adj_half_of(all[column * 4 + k % 8 / 2].b[k / 8], k);
            c[i] += left * right;
        }
    }
}

using adj_matrix_row = adj_packet<uint16_t, 8>;

SIM_UNSEEN inline void adj_deal_matrices(uint32_t (&m)[4], const adj_matrix_row& row, bool turned) {
    adj_matrix_row all[ADJ_WARP];
    sim_lanes("ldmatrix", row, all);
    const int slow = sim_lane() / 4;
    const int fast = sim_lane() % 4 * 2;
    for (int i = 0; i < 4; i++) {
        const adj_matrix_row* const rows = all + i * 8;
        const uint32_t low = turned ? rows[fast].at[slow] : rows[slow].at[fast];
        const uint32_t high = turned ? rows[fast + 1].at[slow] : rows[slow].at[fast + 1];
        m[i] = low | high << 16;
    }
}
inline void adj_load_matrices(uint32_t (&m)[4], const __nv_bfloat16* row) {
    adj_deal_matrices(m, *reinterpret_cast<const adj_matrix_row*>(row), false);
}
inline void adj_load_matrices_turned(uint32_t (&m)[4], const __nv_bfloat16* row) {
    adj_deal_matrices(m, *reinterpret_cast<const adj_matrix_row*>(row), true);
}

inline void adj_copy_async(void* shared, const void* global, int bytes) {
    sim_copy_async(shared, global, static_cast<size_t>(bytes), ADJ_PACKET_BYTES);
}
inline void adj_copy_commit() {
    sim_copy_commit();
}
template <int GROUPS>
inline void adj_copy_wait() {
    sim_copy_wait(GROUPS);
}

inline float adj_exp2(float x) {
    return exp2f(x);
}

#else

/* c += a · b: [16, 16] · [16, 8]. */
ADJ_DEVICE void adj_mma(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

ADJ_DEVICE uint32_t adj_shared_address(const void* p) {
    return static_cast<uint32_t>(__cvta_generic_to_shared(p));
}

/*
 * Four matrices of 8 by 8 elements, one a register, row by row as in C. Lane l points to row l % 8
 * of matrix l / 8: 16 bytes in shared memory.
 */
ADJ_DEVICE void adj_load_matrices(uint32_t (&m)[4], const __nv_bfloat16* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(m[0]), "=r"(m[1]), "=r"(m[2]), "=r"(m[3])
                 : "r"(adj_shared_address(row)));
}
/* Each transposed on the way. */
ADJ_DEVICE void adj_load_matrices_turned(uint32_t (&m)[4], const __nv_bfloat16* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(m[0]), "=r"(m[1]), "=r"(m[2]), "=r"(m[3])
                 : "r"(adj_shared_address(row)));
}

/* Begins to copy 16 bytes to shared memory: `bytes` of them from `global`, then zeros. */
ADJ_DEVICE void adj_copy_async(void* shared, const void* global, int bytes) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(adj_shared_address(shared)),
                 "l"(__cvta_generic_to_global(global)), "r"(bytes)
                 : "memory");
}
/* What this thread has begun to copy since the last call is a group. */
ADJ_DEVICE void adj_copy_commit() {
    asm volatile("cp.async.commit_group;" ::: "memory");
}
/* Waits for this thread's groups but the last ones; barriers then show them to other threads. */
template <int GROUPS>
ADJ_DEVICE void adj_copy_wait() {
    asm volatile("cp.async.wait_group %0;" ::"n"(GROUPS) : "memory");
}

/* 2^x to 2 ulp; what is subnormal is 0. */
ADJ_DEVICE float adj_exp2(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

#endif

#endif
