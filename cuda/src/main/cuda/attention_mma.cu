/*
 * Attention of 16-bit elements T on tensor cores, after FlashAttention-2 (Dao 2023), for heads of
 * up to 64 or 128 elements. Scores, sums and statistics are float; weights and gradients of scores
 * are rounded to T where they become factors.
 *
 * A block owns 64 rows of results, each of its four warps 16 of them, which stay in registers from
 * beginning to end, as do the rows of q (for gradients also of grad, or of k and v) that they are
 * made of. Tiles of two other operands go by in shared memory; while one pair is read, the next is
 * copied. What tensor cores give as a result has the order in which they take a left factor: so
 * scores become weights where they are.
 *
 * The rows of tiles are as many as fit into 48 KiB, and leave the registers of 255 at most that a
 * thread may have.
 */
#include <math.h>

#include "attention.cuh"
#include "ptx.cuh"

constexpr int ADJ_MMA_ROWS = 16;                         /* of a warp */
constexpr int ADJ_MMA_THREADS = 4 * ADJ_WARP;            /* of a block; known to Java */
constexpr int ADJ_OWNED_ROWS = 4 * ADJ_MMA_ROWS;         /* of a block; known to Java */
constexpr int ADJ_CHUNK_ELEMENTS = ADJ_PACKET_BYTES / 2; /* a row of one of ldmatrix's matrices */
constexpr float ADJ_LOG2_E = 1.44269504f;
constexpr float ADJ_LN_2 = 0.693147181f;

/*
 * Rows of D elements in shared memory, D / 8 chunks each. Chunks lie in another order in each of 8
 * neighbouring rows, so that the same chunk of all 8, which is what ldmatrix reads, is in different
 * banks, as are the neighbouring chunks of one row.
 */
template <class T, int D>
struct adj_shared_rows {
    static constexpr int CHUNKS = D / ADJ_CHUNK_ELEMENTS;

    T* first;

    __device__ __forceinline__ T* at(int row, int chunk) const {
        return first + row * D + (chunk ^ (row & 7)) * ADJ_CHUNK_ELEMENTS;
    }

    /*
     * All threads of a block begin to copy ROWS rows of a head, from `row` on: zeros behind its
     * last row and its last column. They are there when the copies are waited for.
     */
    template <int ROWS>
    __device__ __forceinline__ void begin_copy(const adj_head<const T>& head, int64_t row,
                                               int64_t d) const {
        constexpr int STEP = ADJ_MMA_THREADS / CHUNKS;
        const int chunk = static_cast<int>(threadIdx.x % CHUNKS);
        const int begin = static_cast<int>(threadIdx.x / CHUNKS);
        const int64_t left = head.rows - row;
        const int width = static_cast<int>(
            adj_max(0, adj_min(ADJ_CHUNK_ELEMENTS, d - chunk * ADJ_CHUNK_ELEMENTS)));
        const T* source =
            head.first + (row + begin) * head.stride + chunk * ADJ_CHUNK_ELEMENTS;
        if (adj_is_aligned(head.first, ADJ_PACKET_BYTES) && head.stride % ADJ_CHUNK_ELEMENTS == 0) {
            ADJ_UNROLL
            for (int r = 0; r < ROWS; r += STEP) {
                const int count = begin + r < left ? width : 0;
                adj_copy_async(at(begin + r, chunk), count > 0 ? source : head.first,
                               count * static_cast<int>(sizeof(T)));
                source += STEP * head.stride;
            }
            return;
        }
        ADJ_UNROLL_BY(1)
        for (int r = begin; r < ROWS; r += STEP) {
            adj_packet<T, ADJ_CHUNK_ELEMENTS> packet;
            ADJ_UNROLL
            for (int k = 0; k < ADJ_CHUNK_ELEMENTS; k++) {
                packet.at[k] = r < left && k < width ? source[k] : T(0.0f);
            }
            adj_store_packet<ADJ_CHUNK_ELEMENTS>(at(r, chunk), packet);
            source += STEP * head.stride;
        }
    }
};

/* Some bits of this thread's lane; unsigned arithmetic lets the compiler see that they are few. */
ADJ_DEVICE int adj_lane_bits(int first, int count) {
    return static_cast<int>(threadIdx.x >> first & ((1u << count) - 1));
}

/* ---- products of a warp; results are [16, 8 N] as N registers of C ---- */

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

/* This warp's of a block's rows, as a left factor. */
template <class T, int D>
struct adj_left_rows {
    uint32_t at[D / 16][4];

    __device__ __forceinline__ explicit adj_left_rows(const adj_shared_rows<T, D>& rows) {
        const int row = adj_own_row() + adj_lane_bits(0, 4);
        const int half = adj_lane_bits(4, 1);
        ADJ_UNROLL
        for (int k = 0; k < D / 16; k++) {
            adj_load_matrices(at[k], rows.at(row, 2 * k | half));
        }
    }
};

/* sums += left · rowsᵀ, of 8 N rows. */
template <class T, int D, int N>
ADJ_DEVICE void adj_add_dots(float (&sums)[N][4], const adj_left_rows<T, D>& left,
                             const adj_shared_rows<T, D>& rows) {
    const int row = adj_lane_bits(4, 1) * 8 + adj_lane_bits(0, 3);
    const int half = adj_lane_bits(3, 1);
    ADJ_UNROLL
    for (int k = 0; k < D / 16; k++) {
        ADJ_UNROLL
        for (int n = 0; n < N; n += 2) {
            uint32_t right[4];
            adj_load_matrices(right, rows.at(8 * n + row, 2 * k | half));
            adj_mma<T>(sums[n], left.at[k], right[0], right[1]);
            adj_mma<T>(sums[n + 1], left.at[k], right[2], right[3]);
        }
    }
}

/* Two numbers, rounded, as neighbours in memory and as a register of factors. */
template <class T>
ADJ_DEVICE auto adj_pair(float low, float high) {
    if constexpr (std::is_same_v<T, __half>) {
        return __floats2half2_rn(low, high);
    } else {
        return __floats2bfloat162_rn(low, high);
    }
}
template <class T>
ADJ_DEVICE uint32_t adj_factors(float low, float high) {
    const auto pair = adj_pair<T>(low, high);
    uint32_t bits;
    memcpy(&bits, &pair, sizeof bits);
    return bits;
}

/* sums += weights · rows, of 8 N rows. */
template <int D, class T, int N>
ADJ_DEVICE void adj_add_weighted(float (&sums)[D / 8][4], const float (&weights)[N][4],
                                 const adj_shared_rows<T, D>& rows) {
    const int row = adj_lane_bits(0, 4);
    const int half = adj_lane_bits(4, 1);
    ADJ_UNROLL
    for (int k = 0; k < N; k += 2) {
        const uint32_t left[4] = {adj_factors<T>(weights[k][0], weights[k][1]),
                                  adj_factors<T>(weights[k][2], weights[k][3]),
                                  adj_factors<T>(weights[k + 1][0], weights[k + 1][1]),
                                  adj_factors<T>(weights[k + 1][2], weights[k + 1][3])};
        ADJ_UNROLL
        for (int n = 0; n < D / 8; n += 2) {
            uint32_t right[4];
            adj_load_matrices_turned(right, rows.at(8 * k + row, n | half));
            adj_mma<T>(sums[n], left, right[0], right[1]);
            adj_mma<T>(sums[n + 1], left, right[2], right[3]);
        }
    }
}

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

/* ---- a block ---- */

/* Its shared memory; tiles that go by have ROWS rows. */
template <class T, int D, int ROWS>
struct adj_attention_memory {
    static constexpr int PAIR = 2 * ROWS * D;
    static constexpr int OWNED = ADJ_OWNED_ROWS * D;
    /* The second pair and the rows that become registers share their place. */
    static constexpr int ELEMENTS = PAIR + (PAIR > 2 * OWNED ? PAIR : 2 * OWNED);

    T* first;

    /* Rows of operand 0 or 1 on their way to registers, or of results on their way out. */
    __device__ __forceinline__ adj_shared_rows<T, D> owned(int operand) const {
        return {first + PAIR + operand * OWNED};
    }

    /*
     * Begins to copy the block's rows of one or two operands, from `own_row` on, and tiles of x and
     * y, from `row` on; waits for the former.
     */
    template <class... Operands>
    __device__ __forceinline__ void begin(int64_t own_row, const adj_head<const T>& x,
                                          const adj_head<const T>& y, int64_t row,
                                          int64_t d, const Operands&... operands) const {
        int operand = 0;
        (owned(operand++).template begin_copy<ADJ_OWNED_ROWS>(operands, own_row, d), ...);
        adj_copy_commit();
        begin_pair(0, x, y, row, d);
        adj_copy_wait<1>();
        __syncthreads();
    }

    /*
     * body(tile of x, tile of y, row) for their rows from `begin` to before `end`, the first of
     * which are on their way already.
     */
    template <class F>
    __device__ __forceinline__ void for_pairs(const adj_head<const T>& x,
                                              const adj_head<const T>& y, int64_t begin,
                                              int64_t end, int64_t d, F body) const {
        int stage = 0;
        ADJ_UNROLL_BY(1)
        for (int64_t row = begin; row < end; row += ROWS) {
            adj_copy_wait<0>();
            __syncthreads(); /* this pair is there, the one before has been read */
            if (row + ROWS < end) {
                begin_pair(stage ^ 1, x, y, row + ROWS, d);
            }
            body(tile(stage, 0), tile(stage, 1), row);
            stage ^= 1;
        }
        adj_copy_wait<0>(); /* of a pair that nobody wanted */
        __syncthreads();    /* all have been read */
    }

    /* Writes the rows of results that each warp has, as whole packets where that is possible. */
    __device__ __forceinline__ void write(const float (&results)[D / 8][4], int operand,
                                          const adj_head<T>& out, int64_t own_row,
                                          int64_t d) const {
        constexpr int CHUNKS = adj_shared_rows<T, D>::CHUNKS;
        const adj_shared_rows<T, D> rows = owned(operand);
        ADJ_UNROLL
        for (int n = 0; n < CHUNKS; n++) {
            ADJ_UNROLL
            for (int h = 0; h < 2; h++) {
                const auto pair = adj_pair<T>(results[n][2 * h], results[n][2 * h + 1]);
                T* const place = rows.at(adj_own_row() + adj_c_row() + 8 * h, n) + adj_c_column();
                *reinterpret_cast<std::remove_const_t<decltype(pair)>*>(place) = pair;
            }
        }
        __syncwarp();
        ADJ_UNROLL_BY(2)
        for (int e = adj_lane_bits(0, 5); e < ADJ_MMA_ROWS * CHUNKS; e += ADJ_WARP) {
            const int row = adj_own_row() + e / CHUNKS;
            const int chunk = e % CHUNKS;
            const int64_t column = chunk * ADJ_CHUNK_ELEMENTS;
            if (own_row + row < out.rows && column < d) {
                const auto packet = adj_load_elements<ADJ_CHUNK_ELEMENTS>(rows.at(row, chunk));
                const adj_array<T, ADJ_CHUNK_ELEMENTS> target(
                    out.first + (own_row + row) * out.stride + column);
                target.store(0, static_cast<int>(adj_min(ADJ_CHUNK_ELEMENTS, d - column)),
                             packet.at);
            }
        }
    }

  private:
    __device__ __forceinline__ adj_shared_rows<T, D> tile(int stage, int operand) const {
        return {first + stage * PAIR + operand * ROWS * D};
    }

    __device__ __forceinline__ void begin_pair(int stage, const adj_head<const T>& x,
                                               const adj_head<const T>& y, int64_t row,
                                               int64_t d) const {
        tile(stage, 0).template begin_copy<ROWS>(x, row, d);
        tile(stage, 1).template begin_copy<ROWS>(y, row, d);
        adj_copy_commit();
    }
};

#define ADJ_ATTENTION_MEMORY(T, D, ROWS, memory)      \
    using Memory = adj_attention_memory<T, D, ROWS>;  \
    ADJ_SHARED(T, elements, Memory::ELEMENTS);        \
    const Memory memory = {elements}

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

/* The first query of a tile. Under a causal mask the last see the most keys: they start first. */
template <class Args>
ADJ_DEVICE int64_t adj_first_query(const Args& a, int64_t tile) {
    return (adj_ceil_div(a.tq, ADJ_OWNED_ROWS) - 1 - tile) * ADJ_OWNED_ROWS;
}

/* How many keys any of a block's queries sees. */
template <class Args>
ADJ_DEVICE int64_t adj_keys_seen_by_any(const Args& a, int64_t first) {
    return adj_keys_seen(a, adj_min(a.tq, first + ADJ_OWNED_ROWS) - 1);
}

/*
 * Who sees whom of some queries and some keys: query j from `query` on sees key i from `key` on if
 * i - j is less than this. No difference among so few is beyond ±64.
 */
template <class Args>
ADJ_DEVICE int adj_keys_ahead(const Args& a, int64_t query, int64_t key) {
    constexpr int64_t ALL = ADJ_OWNED_ROWS;
    return static_cast<int>(
        a.causal ? adj_max(-ALL, adj_min(ALL, query + 1 + a.tk - a.tq - key)) : ALL);
}

/*
 * Scores become -∞ where a query does not see a key, and behind the last of `columns` columns. The
 * block's rows are queries, or keys if TURNED.
 */
template <bool TURNED, int N>
ADJ_DEVICE void adj_hide(float (&scores)[N][4], int64_t columns, int ahead) {
    if (columns >= 8 * N && ahead == ADJ_OWNED_ROWS) {
        return;
    }
    const int left = static_cast<int>(adj_min(8 * N, columns)) - adj_c_column();
    const int right_of_row = adj_c_column() - adj_own_row() - adj_c_row();
    const int limit = TURNED ? ahead + right_of_row : ahead - right_of_row;
    ADJ_UNROLL
    for (int n = 0; n < N; n++) {
        ADJ_UNROLL
        for (int i = 0; i < 4; i++) {
            const int column = 8 * n + i % 2;
            const int row = i / 2 * 8;
            const bool seen = column < left && (TURNED ? row - column : column - row) < limit;
            scores[n][i] = seen ? scores[n][i] : -INFINITY;
        }
    }
}

/* A function for heads of up to D elements, with tiles of ROWS rows: for each type. */
#define ATTENTION_OF(S, kernel, Args, function, D, ROWS) \
    ADJ_KERNEL(adj_##kernel##_##D##_##S, Args) {         \
        function<adj_type_##S, D, ROWS>(args);           \
    }
#define ATTENTION(kernel, Args, function, D, ROWS)       \
    ATTENTION_OF(bf16, kernel, Args, function, D, ROWS)  \
    ATTENTION_OF(f16, kernel, Args, function, D, ROWS)

/* ---- forward ---- */

template <class T, int D, int ROWS>
ADJ_DEVICE void adj_attention_mma(const adj_attention_args& a) {
    constexpr int N = ROWS / 8;
    ADJ_ATTENTION_MEMORY(T, D, ROWS, memory);
    const float scale = static_cast<float>(a.scale) * ADJ_LOG2_E; /* scores are exponents of 2 */
    adj_for_owned(a, a.tq, [&](int64_t head, int64_t tile) {
        const int64_t first = adj_first_query(a, tile);
        const auto q = adj_input<T>(a.q, a.q_strides, a.heads, head, a.tq);
        const auto k = adj_input<T>(a.k, a.k_strides, a.heads, head, a.tk);
        const auto v = adj_input<T>(a.v, a.v_strides, a.heads, head, a.tk);
        memory.begin(first, k, v, 0, a.d, q);
        const adj_left_rows<T, D> own_q(memory.owned(0));
        /* The softmax of each query so far; `sum` only over this thread's keys. */
        float most[2] = {-INFINITY, -INFINITY};
        float sum[2] = {};
        float out[D / 8][4] = {};
        const auto add_tile = [&](const auto& keys, const auto& values, int64_t key) {
            float p[N][4] = {};
            adj_add_dots(p, own_q, keys);
            adj_scale(p, scale);
            adj_hide<false>(p, a.tk - key, adj_keys_ahead(a, first, key));
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
        };
        memory.for_pairs(k, v, 0, adj_keys_seen_by_any(a, first), a.d, add_tile);
        for (int h = 0; h < 2; h++) {
            const int64_t query = first + adj_own_row() + adj_c_row() + 8 * h;
            const float all = adj_warp_reduce(sum[h], [](float x, float y) { return x + y; }, 4);
            /* A query that sees no key gives 0; one whose scores are all -∞ has no softmax. */
            const bool blind = adj_keys_seen(a, query) == 0;
            const float total = most[h] == -INFINITY ? NAN : all;
            const float factor = blind ? 0.0f : 1 / total;
            ADJ_UNROLL
            for (int n = 0; n < D / 8; n++) {
                out[n][2 * h] *= factor;
                out[n][2 * h + 1] *= factor;
            }
            if (adj_c_column() == 0 && query < a.tq) {
                static_cast<float*>(a.log_sum_exp)[head * a.tq + query] =
                    blind ? -INFINITY : most[h] * ADJ_LN_2 + logf(total);
            }
        }
        memory.write(out, 0, adj_output<T>(a.out, a.out_strides, a.heads, head, a.tq),
                     first, a.d);
    });
}

ATTENTION(attention, adj_attention_args, adj_attention_mma, 64, 64)
ATTENTION(attention, adj_attention_args, adj_attention_mma, 128, 32)

/* ---- gradients ---- */

/* A logsumexp as an exponent of 2; of a query that sees nothing, one that makes no NaN. */
ADJ_DEVICE float adj_exponent(float log_sum_exp) {
    return log_sum_exp == -INFINITY ? 0.0f : log_sum_exp * ADJ_LOG2_E;
}

/*
 * grad_v = pᵀ grad and grad_k = gᵀ q of the keys that a block owns, along the queries that see any
 * of them. The warps compute transposes, keys by queries, which then are left factors as they are.
 */
template <class T, int D, int ROWS>
ADJ_DEVICE void adj_attention_grad_mma(const adj_attention_grad_args& a) {
    constexpr int N = ROWS / 8;
    ADJ_ATTENTION_MEMORY(T, D, ROWS, memory);
    const float scale = static_cast<float>(a.scale) * ADJ_LOG2_E;
    adj_for_owned(a, a.tk, [&](int64_t index, int64_t tile) {
        const adj_attention_grad_head<T> head(a, index);
        const int64_t first = tile * ADJ_OWNED_ROWS;
        const int64_t seeing = a.causal ? adj_max(0, first - (a.tk - a.tq)) : 0;
        const int64_t begin = seeing / ROWS * ROWS;
        memory.begin(first, head.q, head.grad, begin, a.d, head.k, head.v);
        const adj_left_rows<T, D> own_k(memory.owned(0));
        const adj_left_rows<T, D> own_v(memory.owned(1));
        float grad_k[D / 8][4] = {};
        float grad_v[D / 8][4] = {};
        const auto add_tile = [&](const auto& queries, const auto& grads, int64_t query) {
            float p[N][4] = {};
            float g[N][4] = {};
            adj_add_dots(p, own_k, queries);
            adj_add_dots(g, own_v, grads);
            adj_scale(p, scale);
            adj_hide<true>(p, a.tq - query, adj_keys_ahead(a, query, first));
            const int64_t column = query + adj_c_column();
            const int left = static_cast<int>(adj_min(ROWS, a.tq - column));
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
        };
        memory.for_pairs(head.q, head.grad, begin, a.tq, a.d, add_tile);
        if (a.grad_k != nullptr) {
            adj_scale(grad_k, static_cast<float>(a.scale));
            memory.write(grad_k, 0,
                         adj_output<T>(a.grad_k, a.grad_k_strides, a.heads, index, a.tk),
                         first, a.d);
        }
        if (a.grad_v != nullptr) {
            memory.write(grad_v, 1,
                         adj_output<T>(a.grad_v, a.grad_v_strides, a.heads, index, a.tk),
                         first, a.d);
        }
    });
}

ATTENTION(attention_grad, adj_attention_grad_args, adj_attention_grad_mma, 64, 64)
ATTENTION(attention_grad, adj_attention_grad_args, adj_attention_grad_mma, 128, 16)

/* grad_q = g k of the queries that a block owns, along the keys that any of them sees. */
template <class T, int D, int ROWS>
ADJ_DEVICE void adj_attention_grad_q_mma(const adj_attention_grad_args& a) {
    constexpr int N = ROWS / 8;
    ADJ_ATTENTION_MEMORY(T, D, ROWS, memory);
    const float scale = static_cast<float>(a.scale) * ADJ_LOG2_E;
    adj_for_owned(a, a.tq, [&](int64_t index, int64_t tile) {
        const adj_attention_grad_head<T> head(a, index);
        const int64_t first = adj_first_query(a, tile);
        float exponent[2];
        float delta[2];
        for (int h = 0; h < 2; h++) {
            const int64_t query = first + adj_own_row() + adj_c_row() + 8 * h;
            const bool present = query < a.tq;
            exponent[h] = present ? adj_exponent(head.log_sum_exp[query]) : 0.0f;
            delta[h] = present ? head.delta[query] : 0.0f;
        }
        memory.begin(first, head.k, head.v, 0, a.d, head.q, head.grad);
        const adj_left_rows<T, D> own_q(memory.owned(0));
        const adj_left_rows<T, D> own_grad(memory.owned(1));
        float grad_q[D / 8][4] = {};
        const auto add_tile = [&](const auto& keys, const auto& values, int64_t key) {
            float p[N][4] = {};
            float g[N][4] = {};
            adj_add_dots(p, own_q, keys);
            adj_add_dots(g, own_grad, values);
            adj_scale(p, scale);
            adj_hide<false>(p, a.tk - key, adj_keys_ahead(a, first, key));
            ADJ_UNROLL
            for (int n = 0; n < N; n++) {
                ADJ_UNROLL
                for (int i = 0; i < 4; i++) {
                    g[n][i] = adj_exp2(p[n][i] - exponent[i / 2]) * (g[n][i] - delta[i / 2]);
                }
            }
            adj_add_weighted<D>(grad_q, g, keys);
        };
        memory.for_pairs(head.k, head.v, 0, adj_keys_seen_by_any(a, first), a.d, add_tile);
        adj_scale(grad_q, static_cast<float>(a.scale));
        memory.write(grad_q, 0,
                     adj_output<T>(a.grad_q, a.grad_q_strides, a.heads, index, a.tq), first,
                     a.d);
    });
}

ATTENTION(attention_grad_q, adj_attention_grad_args, adj_attention_grad_q_mma, 64, 32)
ATTENTION(attention_grad_q, adj_attention_grad_args, adj_attention_grad_q_mma, 128, 32)
