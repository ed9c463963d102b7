/*
 * Instructions of compute capability 8.0 that CUDA C++ has no functions for: products of tensor
 * cores, loads of their operands, copies that a thread does not wait for.
 *
 * Under ADJ_SIMULATED each has a twin in plain C++, which deals elements out to lanes as the PTX ISA
 * says. All lanes of a warp call them together, but for copies and adj_exp2.
 */
#ifndef ADJ_PTX_CUH
#define ADJ_PTX_CUH

#include <math.h>

#include "common.cuh"

#ifndef ADJ_SIMULATED

/*
 * c += a · b: [16, 16] · [16, 8]. Lane 4 g + t holds columns 2 t and 2 t + 1 of c, of row g and then
 * of row g + 8; of a the same in two registers, and in two more 8 columns to the right; of b rows 2 t
 * and 2 t + 1 of column g, then those 8 further down. The first of two in a register is in its low
 * half. T is the element of a and b.
 */
template <class T>
ADJ_DEVICE void adj_mma(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
#define ADJ_MMA(type)                                                              \
    asm("mma.sync.aligned.m16n8k16.row.col.f32." type "." type                     \
        ".f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"     \
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])                           \
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1))
    if constexpr (std::is_same_v<T, __half>) {
        ADJ_MMA("f16");
    } else {
        ADJ_MMA("bf16");
    }
#undef ADJ_MMA
}

ADJ_DEVICE uint32_t adj_shared_address(const void* p) {
    return static_cast<uint32_t>(__cvta_generic_to_shared(p));
}

/*
 * Four matrices of 8 by 8 elements, one a register: lane 4 g + t gets columns 2 t and 2 t + 1 of row
 * g. Lane l points to row l % 8 of matrix l / 8, 16 bytes of shared memory.
 */
ADJ_DEVICE void adj_load_matrices(uint32_t (&m)[4], const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(m[0]), "=r"(m[1]), "=r"(m[2]), "=r"(m[3])
                 : "r"(adj_shared_address(row)));
}
/* Their transposes. */
ADJ_DEVICE void adj_load_matrices_turned(uint32_t (&m)[4], const void* row) {
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
/* Waits for this thread's groups but the last ones. Others see what it copied after a barrier. */
template <int GROUPS>
ADJ_DEVICE void adj_copy_wait() {
    asm volatile("cp.async.wait_group %0;" ::"n"(GROUPS) : "memory");
}

/* 2^x with a relative error of up to 2^-22; 0 where it is subnormal. */
ADJ_DEVICE float adj_exp2(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

#else

struct adj_mma_factors {
    uint32_t a[4];
    uint32_t b[2];
};

/* The element of an even or of an odd number in a register. */
template <class T>
SIM_UNSEEN inline float adj_half_of(uint32_t word, int number) {
    return static_cast<float>(sim_bits<T>(static_cast<unsigned short>(word >> number % 2 * 16)));
}

template <class T>
SIM_UNSEEN inline void adj_mma(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
    adj_mma_factors all[ADJ_WARP];
    sim_lanes("mma", {{a[0], a[1], a[2], a[3]}, {b0, b1}}, all);
    for (int i = 0; i < 4; i++) {
        const int row = sim_lane() / 4; /* of the upper or the lower 8 */
        const int column = sim_lane() % 4 * 2 + i % 2;
        for (int k = 0; k < 16; k++) {
            const int t = k % 8 / 2;
            c[i] += adj_half_of<T>(all[row * 4 + t].a[k / 8 * 2 + i / 2], k) *
                    adj_half_of<T>(all[column * 4 + t].b[k / 8], k);
        }
    }
}

using adj_matrix_row = adj_packet<uint16_t, 8>;

SIM_UNSEEN inline void adj_deal_matrices(uint32_t (&m)[4], const void* row, bool turned) {
    adj_matrix_row all[ADJ_WARP];
    sim_read(row, sizeof *all);
    sim_lanes("ldmatrix", *static_cast<const adj_matrix_row*>(row), all);
    const int g = sim_lane() / 4;
    const int t = sim_lane() % 4;
    for (int i = 0; i < 4; i++) {
        const adj_matrix_row* const rows = all + i * 8;
        const uint32_t low = turned ? rows[2 * t].at[g] : rows[g].at[2 * t];
        const uint32_t high = turned ? rows[2 * t + 1].at[g] : rows[g].at[2 * t + 1];
        m[i] = low | high << 16;
    }
}
inline void adj_load_matrices(uint32_t (&m)[4], const void* row) {
    adj_deal_matrices(m, row, false);
}
inline void adj_load_matrices_turned(uint32_t (&m)[4], const void* row) {
    adj_deal_matrices(m, row, true);
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

#endif

#endif
