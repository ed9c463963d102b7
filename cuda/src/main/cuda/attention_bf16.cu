/*
 * Attention in bfloat16 on tensor cores, after FlashAttention-2 (Dao 2023), for heads of up to 64
 * or 128 elements. Scores, sums and statistics are float; weights and gradients of scores are
 * rounded to bfloat16 where they become factors.
 *
 * A block owns 64 rows of results, each of its four warps 16 of them, which stay in registers from
 * beginning to end, as do the rows of q (for gradients also of grad, or of k and v) that they are
 * made of. Tiles of the other operands go by in shared memory, two operands at a time, each with a
 * second tile that is filled meanwhile. What tensor cores give as a result has the order in which
 * they take a left factor: so scores become weights where they are.
 */
#include <math.h>

#include "attention.cuh"
#include "ptx.cuh"

using adj_bf16 = __nv_bfloat16;

constexpr int ADJ_MMA_ROWS = 16;                        /* of a warp */
constexpr int ADJ_MMA_THREADS = 4 * ADJ_WARP;           /* of a block; known to Java */
constexpr int ADJ_OWNED_ROWS = 4 * ADJ_MMA_ROWS;        /* of a block; known to Java */
constexpr int ADJ_CHUNK_ELEMENTS = ADJ_PACKET_BYTES / 2; /* a row of one of ldmatrix's matrices */
constexpr float ADJ_LOG2_E = 1.44269504f;
constexpr float ADJ_LN_2 = 0.693147181f;

/*
 * Rows of D elements in shared memory, D / 8 chunks each. Chunks lie in another order in each of 8
 * neighbouring rows, so that the same chunk of all 8, which is what ldmatrix reads, is in different
 * banks, as are the neighbouring chunks of one row.
 */
template <int D>
struct adj_shared_rows {
    static constexpr int CHUNKS = D / ADJ_CHUNK_ELEMENTS;

    adj_bf16* first;

    __device__ __forceinline__ adj_bf16* at(int row, int chunk) const {
        return first + row * D + (chunk ^ (row & 7)) * ADJ_CHUNK_ELEMENTS;
    }

    /*
     * All threads of a block begin to copy ROWS rows of a head, from `row` on: zeros behind its
     * last row and its last column. They are there when the copies are waited for.
     */
    template <int ROWS>
    __device__ __forceinline__ void begin_copy(const adj_head<const adj_bf16>& head, int64_t row,
                                               int64_t d) const {
        constexpr int STEP = ADJ_MMA_THREADS / CHUNKS;
        const int chunk = static_cast<int>(threadIdx.x % CHUNKS);
        const int begin = static_cast<int>(threadIdx.x / CHUNKS);
        const int64_t left = head.rows - row;
        const int width = static_cast<int>(
            adj_max(0, adj_min(ADJ_CHUNK_ELEMENTS, d - chunk * ADJ_CHUNK_ELEMENTS)));
        const adj_bf16* const source = head.first + row * head.stride + chunk * ADJ_CHUNK_ELEMENTS;
        if (adj_is_aligned(head.first, ADJ_PACKET_BYTES) && head.stride % ADJ_CHUNK_ELEMENTS == 0) {
            ADJ_UNROLL_BY(1)
            for (int r = begin; r < ROWS; r += STEP) {
                const int count = r < left ? width : 0;
                adj_copy_async(at(r, chunk), count > 0 ? source + r * head.stride : head.first,
                               count * static_cast<int>(sizeof(adj_bf16)));
            }
            return;
        }
        ADJ_UNROLL_BY(1)
        for (int r = begin; r < ROWS; r += STEP) {
            adj_packet<adj_bf16, ADJ_CHUNK_ELEMENTS> packet;
            ADJ_UNROLL
            for (int k = 0; k < ADJ_CHUNK_ELEMENTS; k++) {
                packet.at[k] = r < left && k < width ? source[r * head.stride + k] : adj_bf16(0.0f);
            }
            adj_store_packet<ADJ_CHUNK_ELEMENTS>(at(r, chunk), packet);
        }
    }
};

/* Some bits of this thread's lane; unsigned arithmetic lets the compiler see that they are few. */
ADJ_DEVICE int adj_lane_bits(int first, int count) {
    return static_cast<int>(threadIdx.x >> first & ((1u << count) - 1));
}

/* ---- products of a warp; results are [16, 8 N] as N registers of C ---- */

/* 16 rows as a left factor. */
template <int D>
struct adj_left_rows {
    uint32_t at[D / 16][4];

    __device__ __forceinline__ adj_left_rows(const adj_shared_rows<D>& rows, int first) {
        const int row = first + adj_lane_bits(0, 4);
        const int half = adj_lane_bits(4, 1);
        ADJ_UNROLL
        for (int k = 0; k < D / 16; k++) {
            adj_load_matrices(at[k], rows.at(row, 2 * k | half));
        }
    }
};

/* sums += left · rowsᵀ, of 8 N rows. */
template <int D, int N>
ADJ_DEVICE void adj_add_dots(float (&sums)[N][4], const adj_left_rows<D>& left,
                             const adj_shared_rows<D>& rows) {
    const int row = adj_lane_bits(4, 1) * 8 + adj_lane_bits(0, 3);
    const int half = adj_lane_bits(3, 1);
    ADJ_UNROLL
    for (int k = 0; k < D / 16; k++) {
        ADJ_UNROLL
        for (int n = 0; n < N; n += 2) {
            uint32_t right[4];
            adj_load_matrices(right, rows.at(8 * n + row, 2 * k | half));
            adj_mma(sums[n], left.at[k], right[0], right[1]);
            adj_mma(sums[n + 1], left.at[k], right[2], right[3]);
        }
    }
}

/* Two numbers, rounded, as a register of factors. */
ADJ_DEVICE uint32_t adj_factors(float low, float high) {
    const __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
    uint32_t bits;
    memcpy(&bits, &pair, sizeof bits);
    return bits;
}

/* sums += weights · rows, of 8 N rows. */
template <int D, int N>
ADJ_DEVICE void adj_add_weighted(float (&sums)[D / 8][4], const float (&weights)[N][4],
                                 const adj_shared_rows<D>& rows) {
    const int row = adj_lane_bits(0, 4);
    const int half = adj_lane_bits(4, 1);
    ADJ_UNROLL
    for (int k = 0; k < N; k += 2) {
        const uint32_t left[4] = {adj_factors(weights[k][0], weights[k][1]),
                                  adj_factors(weights[k][2], weights[k][3]),
                                  adj_factors(weights[k + 1][0], weights[k + 1][1]),
                                  adj_factors(weights[k + 1][2], weights[k + 1][3])};
        ADJ_UNROLL
        for (int n = 0; n < D / 8; n += 2) {
            uint32_t right[4];
            adj_load_matrices_turned(right, rows.at(8 * k + row, n | half));
            adj_mma(sums[n], left, right[0], right[1]);
            adj_mma(sums[n + 1], left, right[2], right[3]);
        }
    }
}

/* The first of its block's rows that are this warp's. */
ADJ_DEVICE int adj_own_row() {
    return static_cast<int>(threadIdx.x / ADJ_WARP) * ADJ_MMA_ROWS;
}

/* Where register i of C is, in a tile of 16 by 8: 8 (i / 2) rows and i % 2 columns further on. */
ADJ_DEVICE int adj_c_row() {
    return adj_lane_bits(2, 3);
}
ADJ_DEVICE int adj_c_column() {
    return adj_lane_bits(0, 2) * 2;
}

/* ---- the shared memory of a block ---- */

template <int D>
struct adj_attention_memory {
    static constexpr int ROWS = 4096 / D; /* of a tile that goes by: 8 KiB */
    static constexpr int PAIR = 2 * ROWS * D;
    static constexpr int OWNED = ADJ_OWNED_ROWS * D;
    /* The second pair and the rows that become registers share their place. */
    static constexpr int ELEMENTS = PAIR + (PAIR > 2 * OWNED ? PAIR : 2 * OWNED);

    adj_bf16* first;

    /* Rows of operand 0 or 1 on their way to registers, or of results on their way out. */
    __device__ __forceinline__ adj_shared_rows<D> owned(int operand) const {
        return {first + PAIR + operand * OWNED};
    }

    /* Begins to copy a tile of x and one of y. */
    __device__ __forceinline__ void begin_pair(int stage, const adj_head<const adj_bf16>& x,
                                               const adj_head<const adj_bf16>& y, int64_t row,
                                               int64_t d) const {
        tile(stage, 0).template begin_copy<ROWS>(x, row, d);
        tile(stage, 1).template begin_copy<ROWS>(y, row, d);
    }

    /*
     * body(tile of x, tile of y, row) for their rows from `begin` to before `end`, the first of
     * which are on their way already.
     */
    template <class F>
    __device__ __forceinline__ void for_pairs(const adj_head<const adj_bf16>& x,
                                              const adj_head<const adj_bf16>& y, int64_t begin,
                                              int64_t end, int64_t d, F body) const {
        int stage = 0;
        ADJ_UNROLL_BY(1)
        for (int64_t row = begin; row < end; row += ROWS) {
            adj_copy_wait<0>();
            __syncthreads(); /* this pair is there, the one before has been read */
            if (row + ROWS < end) {
                begin_pair(stage ^ 1, x, y, row + ROWS, d);
                adj_copy_commit();
            }
            body(tile(stage, 0), tile(stage, 1), row);
            stage ^= 1;
        }
    }

    /* Writes the rows of results that each warp has, as whole packets where that is possible. */
    __device__ __forceinline__ void write(const float (&results)[D / 8][4], int operand,
                                          const adj_head<adj_bf16>& out, int64_t row,
                                          int64_t d) const {
        constexpr int CHUNKS = adj_shared_rows<D>::CHUNKS;
        const adj_shared_rows<D> rows = owned(operand);
        const int own = adj_own_row();
        ADJ_UNROLL
        for (int n = 0; n < CHUNKS; n++) {
            ADJ_UNROLL
            for (int h = 0; h < 2; h++) {
                *reinterpret_cast<__nv_bfloat162*>(rows.at(own + adj_c_row() + 8 * h, n) +
                                                   adj_c_column()) =
                    __floats2bfloat162_rn(results[n][2 * h], results[n][2 * h + 1]);
            }
        }
        __syncwarp();
        ADJ_UNROLL_BY(2)
        for (int e = adj_lane_bits(0, 5); e < ADJ_MMA_ROWS * CHUNKS; e += ADJ_WARP) {
            const int r = own + e / CHUNKS;
            const int chunk = e % CHUNKS;
            const int64_t column = chunk * ADJ_CHUNK_ELEMENTS;
            if (row + r < out.rows && column < d) {
                const auto packet = adj_load_packet<ADJ_CHUNK_ELEMENTS>(rows.at(r, chunk));
                const adj_array<adj_bf16, ADJ_CHUNK_ELEMENTS> target(
                    out.first + (row + r) * out.stride + column);
                target.store(0, static_cast<int>(adj_min(ADJ_CHUNK_ELEMENTS, d - column)),
                             packet.at);
            }
        }
    }

  private:
    __device__ __forceinline__ adj_shared_rows<D> tile(int stage, int operand) const {
        return {first + stage * PAIR + operand * ROWS * D};
    }
};

#define ADJ_ATTENTION_MEMORY(D, memory)                               \
    ADJ_SHARED(adj_bf16, tiles, adj_attention_memory<D>::ELEMENTS);   \
    const adj_attention_memory<D> memory = {tiles}

/* body(head, number of its tile) for a block's share of the tiles of a result of so many rows. */
template <class Args, class F>
ADJ_DEVICE void adj_for_owned(const Args& a, int64_t rows, F body) {
    const int64_t tiles = adj_ceil_div(rows, ADJ_OWNED_ROWS);
    ADJ_UNROLL_BY(1)
    for (int64_t i = blockIdx.x; i < a.batch * a.heads * tiles; i += gridDim.x) {
        __syncthreads(); /* the shared memory has been read */
        body(i / tiles, i % tiles);
    }
}

/* The queries of a thread, two in registers of C, and the keys that they see. */
struct adj_queries {
    int64_t first; /* of the block */
    int64_t seen[2];
    int64_t seen_by_all;
    int64_t seen_by_any;

    /* Under a causal mask the last queries see the most keys: their blocks start first. */
    template <class Args>
    __device__ __forceinline__ adj_queries(const Args& a, int64_t tile)
        : first((adj_ceil_div(a.tq, ADJ_OWNED_ROWS) - 1 - tile) * ADJ_OWNED_ROWS),
          seen_by_all(adj_keys_seen(a, first)),
          seen_by_any(adj_keys_seen(a, adj_min(a.tq, first + ADJ_OWNED_ROWS) - 1)) {
        for (int h = 0; h < 2; h++) {
            seen[h] = adj_keys_seen(a, query(h));
        }
    }

    __device__ __forceinline__ int64_t query(int h) const {
        return first + adj_own_row() + adj_c_row() + 8 * h;
    }

    /* Scores of keys from `key` on that a query does not see become -∞. */
    template <int N>
    __device__ __forceinline__ void hide(float (&scores)[N][4], int64_t key) const {
        if (key + 8 * N <= seen_by_all) {
            return;
        }
        for (int h = 0; h < 2; h++) {
            const int left =
                static_cast<int>(adj_max(0, adj_min(8 * N, seen[h] - key))) - adj_c_column();
            ADJ_UNROLL
            for (int n = 0; n < N; n++) {
                ADJ_UNROLL
                for (int c = 0; c < 2; c++) {
                    float& score = scores[n][2 * h + c];
                    score = 8 * n + c < left ? score : -INFINITY;
                }
            }
        }
    }
};

template <int N>
ADJ_DEVICE void adj_scale(float (&results)[N][4], float factor) {
    ADJ_UNROLL
    for (auto& of_register : results) {
        ADJ_UNROLL
        for (float& x : of_register) {
            x *= factor;
        }
    }
}

/* ---- forward ---- */

template <int D>
ADJ_DEVICE void adj_attention_mma(const adj_attention_args& a) {
    constexpr int N = adj_attention_memory<D>::ROWS / 8;
    ADJ_ATTENTION_MEMORY(D, memory);
    const float scale = static_cast<float>(a.scale) * ADJ_LOG2_E; /* scores are exponents of 2 */
    adj_for_owned(a, a.tq, [&](int64_t head, int64_t tile) {
        const adj_queries queries(a, tile);
        const auto q = adj_input<adj_bf16>(a.q, a.q_strides, a.heads, head, a.tq);
        const auto k = adj_input<adj_bf16>(a.k, a.k_strides, a.heads, head, a.tk);
        const auto v = adj_input<adj_bf16>(a.v, a.v_strides, a.heads, head, a.tk);
        memory.owned(0).template begin_copy<ADJ_OWNED_ROWS>(q, queries.first, a.d);
        adj_copy_commit();
        memory.begin_pair(0, k, v, 0, a.d);
        adj_copy_commit();
        adj_copy_wait<1>();
        __syncthreads();
        const adj_left_rows<D> own_q(memory.owned(0), adj_own_row());
        /* The softmax of each query so far; `sum` only over this thread's keys. */
        float most[2] = {-INFINITY, -INFINITY};
        float sum[2] = {};
        float out[D / 8][4] = {};
        memory.for_pairs(k, v, 0, queries.seen_by_any, a.d,
                         [&](const auto& keys, const auto& values, int64_t key) {
            float p[N][4] = {};
            adj_add_dots(p, own_q, keys);
            adj_scale(p, scale);
            queries.hide(p, key);
            for (int h = 0; h < 2; h++) {
                float top = most[h];
                ADJ_UNROLL
                for (int n = 0; n < N; n++) {
                    top = fmaxf(top, fmaxf(p[n][2 * h], p[n][2 * h + 1]));
                }
                top = adj_warp_reduce(top, [](float x, float y) { return fmaxf(x, y); }, 4);
                /* Without any score yet, 2^(-∞ - 0) is 0, 2^(-∞ + ∞) is not. */
                const float shift = top == -INFINITY ? 0.0f : top;
                const float rescale = adj_exp2(most[h] - shift);
                most[h] = top;
                sum[h] *= rescale;
                ADJ_UNROLL
                for (int n = 0; n < N; n++) {
                    ADJ_UNROLL
                    for (int i = 2 * h; i < 2 * h + 2; i++) {
                        p[n][i] = adj_exp2(p[n][i] - shift);
                        sum[h] += p[n][i];
                    }
                }
                ADJ_UNROLL
                for (int n = 0; n < D / 8; n++) {
                    out[n][2 * h] *= rescale;
                    out[n][2 * h + 1] *= rescale;
                }
            }
            adj_add_weighted<D>(out, p, values);
        });
        for (int h = 0; h < 2; h++) {
            const float all = adj_warp_reduce(sum[h], [](float x, float y) { return x + y; }, 4);
            /* A query that sees no key gives 0; one whose scores are all -∞ has no softmax. */
            const bool blind = queries.seen[h] == 0;
            const float total = most[h] == -INFINITY ? NAN : all;
            const float factor = blind ? 0.0f : 1 / total;
            ADJ_UNROLL
            for (int n = 0; n < D / 8; n++) {
                out[n][2 * h] *= factor;
                out[n][2 * h + 1] *= factor;
            }
            if (adj_c_column() == 0 && queries.query(h) < a.tq) {
                static_cast<float*>(a.log_sum_exp)[head * a.tq + queries.query(h)] =
                    blind ? -INFINITY : most[h] * ADJ_LN_2 + logf(total);
            }
        }
        adj_copy_wait<0>();
        __syncthreads(); /* the last tiles have been read */
        memory.write(out, 0, adj_output<adj_bf16>(a.out, a.out_strides, a.heads, head, a.tq),
                     queries.first, a.d);
    });
}

ADJ_KERNEL(adj_attention_64_bf16, adj_attention_args) {
    adj_attention_mma<64>(args);
}
ADJ_KERNEL(adj_attention_128_bf16, adj_attention_args) {
    adj_attention_mma<128>(args);
}

/* ---- gradients ---- */

/* A logsumexp as an exponent of 2; of a query that sees nothing, one that makes no NaN. */
ADJ_DEVICE float adj_exponent(float log_sum_exp) {
    return log_sum_exp == -INFINITY ? 0.0f : log_sum_exp * ADJ_LOG2_E;
}

/*
 * grad_v = pᵀ grad and grad_k = gᵀ q of the keys that a block owns, along the queries that see any
 * of them. The warps compute transposes, keys by queries, which then are left factors as they are.
 */
template <int D>
ADJ_DEVICE void adj_attention_grad_mma(const adj_attention_grad_args& a) {
    constexpr int N = adj_attention_memory<D>::ROWS / 8;
    ADJ_ATTENTION_MEMORY(D, memory);
    const float scale = static_cast<float>(a.scale) * ADJ_LOG2_E;
    adj_for_owned(a, a.tk, [&](int64_t head_number, int64_t tile) {
        const adj_attention_grad_head<adj_bf16> head(a, head_number);
        const int64_t first = tile * ADJ_OWNED_ROWS;
        const int own = adj_own_row();
        const int64_t seeing = a.causal ? adj_max(0, first - (a.tk - a.tq)) : 0;
        const int64_t begin = seeing / (8 * N) * (8 * N);
        memory.owned(0).template begin_copy<ADJ_OWNED_ROWS>(head.k, first, a.d);
        memory.owned(1).template begin_copy<ADJ_OWNED_ROWS>(head.v, first, a.d);
        adj_copy_commit();
        memory.begin_pair(0, head.q, head.grad, begin, a.d);
        adj_copy_commit();
        adj_copy_wait<1>();
        __syncthreads();
        const adj_left_rows<D> own_k(memory.owned(0), own);
        const adj_left_rows<D> own_v(memory.owned(1), own);
        float grad_k[D / 8][4] = {};
        float grad_v[D / 8][4] = {};
        memory.for_pairs(head.q, head.grad, begin, a.tq, a.d,
                         [&](const auto& queries, const auto& grads, int64_t query) {
            float p[N][4] = {};
            float g[N][4] = {};
            adj_add_dots(p, own_k, queries);
            adj_add_dots(g, own_v, grads);
            adj_scale(p, scale);
            /* Query j of the tile exists if j < left and sees key i of the block if i - j < ahead. */
            int left = static_cast<int>(adj_min(8 * N, a.tq - query));
            int ahead = a.causal ? static_cast<int>(adj_max(
                                       -8 * N, adj_min(ADJ_OWNED_ROWS,
                                                       query + 1 + a.tk - a.tq - first)))
                                 : ADJ_OWNED_ROWS;
            const bool hidden = left < 8 * N || ahead < ADJ_OWNED_ROWS;
            left -= adj_c_column();
            ahead += adj_c_column() - own - adj_c_row();
            if (hidden) {
                ADJ_UNROLL
                for (int n = 0; n < N; n++) {
                    ADJ_UNROLL
                    for (int i = 0; i < 4; i++) {
                        const int j = 8 * n + i % 2;
                        const bool seen = j < left && i / 2 * 8 - j < ahead;
                        p[n][i] = seen ? p[n][i] : -INFINITY;
                    }
                }
            }
            const int64_t column = query + adj_c_column();
            ADJ_UNROLL
            for (int n = 0; n < N; n++) {
                ADJ_UNROLL
                for (int c = 0; c < 2; c++) {
                    const int j = 8 * n + c;
                    const float exponent =
                        j < left ? adj_exponent(head.log_sum_exp[column + j]) : 0.0f;
                    const float delta = j < left ? head.delta[column + j] : 0.0f;
                    ADJ_UNROLL
                    for (int i = c; i < 4; i += 2) {
                        p[n][i] = adj_exp2(p[n][i] - exponent);
                        g[n][i] = p[n][i] * (g[n][i] - delta);
                    }
                }
            }
            adj_add_weighted<D>(grad_v, p, grads);
            adj_add_weighted<D>(grad_k, g, queries);
        });
        adj_copy_wait<0>();
        __syncthreads(); /* the last tiles have been read */
        if (a.grad_k != nullptr) {
            adj_scale(grad_k, static_cast<float>(a.scale));
            memory.write(grad_k, 0,
                         adj_output<adj_bf16>(a.grad_k, a.grad_k_strides, a.heads, head_number,
                                              a.tk),
                         first, a.d);
        }
        if (a.grad_v != nullptr) {
            memory.write(grad_v, 1,
                         adj_output<adj_bf16>(a.grad_v, a.grad_v_strides, a.heads, head_number,
                                              a.tk),
                         first, a.d);
        }
    });
}

ADJ_KERNEL(adj_attention_grad_64_bf16, adj_attention_grad_args) {
    adj_attention_grad_mma<64>(args);
}
ADJ_KERNEL(adj_attention_grad_128_bf16, adj_attention_grad_args) {
    adj_attention_grad_mma<128>(args);
}

/* grad_q = g k of the queries that a block owns, along the keys that any of them sees. */
template <int D>
ADJ_DEVICE void adj_attention_grad_q_mma(const adj_attention_grad_args& a) {
    constexpr int N = adj_attention_memory<D>::ROWS / 8;
    ADJ_ATTENTION_MEMORY(D, memory);
    const float scale = static_cast<float>(a.scale) * ADJ_LOG2_E;
    adj_for_owned(a, a.tq, [&](int64_t head_number, int64_t tile) {
        const adj_attention_grad_head<adj_bf16> head(a, head_number);
        const adj_queries own(a, tile);
        memory.owned(0).template begin_copy<ADJ_OWNED_ROWS>(head.q, own.first, a.d);
        memory.owned(1).template begin_copy<ADJ_OWNED_ROWS>(head.grad, own.first, a.d);
        adj_copy_commit();
        memory.begin_pair(0, head.k, head.v, 0, a.d);
        adj_copy_commit();
        float exponent[2];
        float delta[2];
        for (int h = 0; h < 2; h++) {
            const bool present = own.query(h) < a.tq;
            exponent[h] = present ? adj_exponent(head.log_sum_exp[own.query(h)]) : 0.0f;
            delta[h] = present ? head.delta[own.query(h)] : 0.0f;
        }
        adj_copy_wait<1>();
        __syncthreads();
        const adj_left_rows<D> own_q(memory.owned(0), adj_own_row());
        const adj_left_rows<D> own_grad(memory.owned(1), adj_own_row());
        float grad_q[D / 8][4] = {};
        memory.for_pairs(head.k, head.v, 0, own.seen_by_any, a.d,
                         [&](const auto& keys, const auto& values, int64_t key) {
            float p[N][4] = {};
            float g[N][4] = {};
            adj_add_dots(p, own_q, keys);
            adj_add_dots(g, own_grad, values);
            adj_scale(p, scale);
            own.hide(p, key);
            ADJ_UNROLL
            for (int n = 0; n < N; n++) {
                ADJ_UNROLL
                for (int i = 0; i < 4; i++) {
                    g[n][i] = adj_exp2(p[n][i] - exponent[i / 2]) * (g[n][i] - delta[i / 2]);
                }
            }
            adj_add_weighted<D>(grad_q, g, keys);
        });
        adj_copy_wait<0>();
        __syncthreads(); /* the last tiles have been read */
        adj_scale(grad_q, static_cast<float>(a.scale));
        memory.write(grad_q, 0,
                     adj_output<adj_bf16>(a.grad_q, a.grad_q_strides, a.heads, head_number, a.tq),
                     own.first, a.d);
    });
}

ADJ_KERNEL(adj_attention_grad_q_64_bf16, adj_attention_grad_args) {
    adj_attention_grad_q_mma<64>(args);
}
ADJ_KERNEL(adj_attention_grad_q_128_bf16, adj_attention_grad_args) {
    adj_attention_grad_q_mma<128>(args);
}
