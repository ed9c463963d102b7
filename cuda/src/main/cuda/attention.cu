/*
 * Scaled dot-product attention in tiles (Dao et al. 2022) and its gradients, memory linear in the
 * length of the sequences.
 *
 * All products are of square tiles, SIDE by SIDE, in shared memory. A block of 16 by 16 threads
 * keeps a tile of results in registers, W by W places a thread, W elements being one access of 16
 * bytes. What is wider than SIDE along d has several blocks, each with its own columns of results.
 * Gradients are summed in a fixed order: those of k and v by the blocks of a tile of keys, that of
 * q by the blocks of a tile of queries, which takes two products more than atomic additions would.
 *
 * Of 16 bits this is the way of heads too large for attention_mma.cu: T is what arithmetic works
 * with, S what is stored.
 */
#include <math.h>

#include "attention.cuh"
#include "math.cuh"

constexpr int ADJ_SQUARE = 16; /* threads along each side of a block */

template <class T>
struct adj_tile {
    static constexpr int W = adj_packet_size(sizeof(T));
    static constexpr int SIDE = ADJ_SQUARE * W;
    static constexpr int DEPTH = SIDE / 2; /* of a step along d */
    /* Packets stay aligned, and packets below each other lie in different banks. */
    static constexpr int PITCH = SIDE + W;
    static constexpr int ELEMENTS = SIDE * PITCH;

    /* A thread's places in a tile of results. */
    struct places {
        T at[W][W] = {};
    };
};

/* The threads of a block with their shared memory. All of them call each method together. */
template <class T>
struct adj_square_block {
    using tile = adj_tile<T>;
    using places = typename tile::places;
    static constexpr int W = tile::W;
    static constexpr int SIDE = tile::SIDE;
    static constexpr int DEPTH = tile::DEPTH;
    static constexpr int PITCH = tile::PITCH;

    T* operands; /* ELEMENTS: one tile, or two of DEPTH rows */
    T* weights;  /* ELEMENTS */
    int x;
    int y;

    __device__ __forceinline__ adj_square_block(T* operand_memory, T* weight_memory)
        : operands(operand_memory),
          weights(weight_memory),
          x(static_cast<int>(threadIdx.x) % ADJ_SQUARE),
          y(static_cast<int>(threadIdx.x) / ADJ_SQUARE) {
    }

    /* The dot products of SIDE rows of a with SIDE rows of b; zeros behind their last rows. */
    template <class S>
    __device__ __forceinline__ places dots(const adj_head<S>& a, int64_t a_first,
                                           const adj_head<S>& b, int64_t b_first,
                                           int64_t d) const {
        T* const right = operands + DEPTH * PITCH;
        places sums;
        for (int64_t from = 0; from < d; from += DEPTH) {
            __syncthreads(); /* the operands before have been read */
            put_turned(operands, a, a_first, from, d);
            put_turned(right, b, b_first, from, d);
            __syncthreads();
            add_product(sums, operands, right, adj_min(DEPTH, d - from));
        }
        return sums;
    }

    /* sums += weightsᵀ · (SIDE rows of b, their SIDE columns from `column` on). */
    template <class S>
    __device__ __forceinline__ void add_weighted(places& sums, const adj_head<S>& b,
                                                 int64_t b_first, int64_t column,
                                                 int64_t d) const {
        __syncthreads();
        ADJ_UNROLL_BY(4)
        for (int begin = 0; begin < SIDE * SIDE; begin += ADJ_SQUARE * ADJ_SQUARE) {
            const int e = begin + static_cast<int>(threadIdx.x);
            operands[e / SIDE * PITCH + e % SIDE] =
                b.element(b_first + e / SIDE, column + e % SIDE, d);
        }
        __syncthreads();
        add_product(sums, weights, operands, adj_min(SIDE, b.rows - b_first));
    }

    /* The weights are a tile of results, or its transpose. */
    __device__ __forceinline__ void set_weights(const places& tile_of_results) const {
        for (int i = 0; i < W; i++) {
            adj_packet<T, W> row;
            for (int j = 0; j < W; j++) {
                row.at[j] = tile_of_results.at[i][j];
            }
            adj_store_packet<W>(weights + (y * W + i) * PITCH + x * W, row);
        }
    }
    __device__ __forceinline__ void set_weights_turned(const places& tile_of_results) const {
        for (int j = 0; j < W; j++) {
            adj_packet<T, W> column;
            for (int i = 0; i < W; i++) {
                column.at[i] = tile_of_results.at[i][j];
            }
            adj_store_packet<W>(weights + (x * W + j) * PITCH + y * W, column);
        }
    }

    /* Writes this thread's places of a tile of out, those that exist. */
    template <class S>
    __device__ __forceinline__ void write(const places& results, const adj_head<S>& out,
                                          int64_t first, int64_t column, int64_t d) const {
        for (int i = 0; i < W; i++) {
            const int64_t row = first + y * W + i;
            for (int j = 0; j < W; j++) {
                const int64_t c = column + x * W + j;
                if (row < out.rows && c < d) {
                    out.first[row * out.stride + c] = adj_narrow<S>(results.at[i][j]);
                }
            }
        }
    }

  private:
    /*
     * DEPTH columns of SIDE rows as `turned`, [DEPTH][PITCH]. A warp takes 8 columns of 4 rows: it
     * reads whole sectors, and what it writes lies in different banks.
     */
    template <class S>
    __device__ __forceinline__ static void put_turned(T* turned, const adj_head<S>& rows,
                                                      int64_t first, int64_t from, int64_t d) {
        ADJ_UNROLL_BY(4)
        for (int begin = 0; begin < SIDE * DEPTH; begin += ADJ_SQUARE * ADJ_SQUARE) {
            const int e = begin + static_cast<int>(threadIdx.x);
            const int row = e / 8 % 4 + e / (4 * DEPTH) * 4;
            const int column = e % 8 + e / ADJ_WARP % (DEPTH / 8) * 8;
            turned[column * PITCH + row] = rows.element(first + row, from + column, d);
        }
    }

    /* sums += leftᵀ · right, both of `count` rows. */
    __device__ __forceinline__ void add_product(places& sums, const T* left, const T* right,
                                                int64_t count) const {
        ADJ_UNROLL_BY(2)
        for (int k = 0; k < static_cast<int>(count); k++) {
            const auto l = adj_load_packet<W>(left + k * PITCH + y * W);
            const auto r = adj_load_packet<W>(right + k * PITCH + x * W);
            ADJ_UNROLL
            for (int i = 0; i < W; i++) {
                ADJ_UNROLL
                for (int j = 0; j < W; j++) {
                    sums.at[i][j] += l.at[i] * r.at[j];
                }
            }
        }
    }
};

/* What a block works on: some rows of a head's results, and some columns. */
struct adj_attention_item {
    int64_t head;
    int64_t first;
    int64_t column;
};

/* body(item) for a block's share of all tiles of a [batch, heads, rows, d] result. */
template <class T, class Args, class F>
ADJ_DEVICE void adj_for_items(const Args& a, int64_t rows, F body) {
    constexpr int SIDE = adj_tile<T>::SIDE;
    const int64_t columns = adj_ceil_div(a.d, SIDE);
    const int64_t tiles = adj_ceil_div(rows, SIDE);
    for (int64_t i = blockIdx.x; i < a.batch * a.heads * tiles * columns; i += gridDim.x) {
        const int64_t tile = i / columns;
        body(adj_attention_item{tile / tiles, tile % tiles * SIDE, i % columns * SIDE});
    }
}

#define ADJ_SQUARE_BLOCK(T, block)                          \
    ADJ_SHARED(T, operand_memory, adj_tile<T>::ELEMENTS);   \
    ADJ_SHARED(T, weight_memory, adj_tile<T>::ELEMENTS);    \
    const adj_square_block<T> block(operand_memory, weight_memory)

/* ---- forward ---- */

template <class S>
ADJ_DEVICE void adj_attention(const adj_attention_args& a) {
    using T = adj_number<S>;
    constexpr int W = adj_tile<T>::W;
    constexpr int SIDE = adj_tile<T>::SIDE;
    constexpr T NONE = -static_cast<T>(INFINITY);
    ADJ_SQUARE_BLOCK(T, block);
    const auto larger = [](T u, T v) { return adj_larger(u, v); };
    adj_for_items<T>(a, a.tq, [&](const adj_attention_item& item) {
        const auto q = adj_input<S>(a.q, a.q_strides, a.heads, item.head, a.tq);
        const auto k = adj_input<S>(a.k, a.k_strides, a.heads, item.head, a.tk);
        const auto v = adj_input<S>(a.v, a.v_strides, a.heads, item.head, a.tk);
        const int64_t first = item.first + block.y * W; /* of this thread's queries */
        const int64_t visible = adj_keys_seen(a, adj_min(a.tq, item.first + SIDE) - 1);
        /* The softmax of each query so far; `sum` only over this thread's keys. */
        T most[W];
        T sum[W];
        for (int i = 0; i < W; i++) {
            most[i] = NONE;
            sum[i] = 0;
        }
        typename adj_tile<T>::places out;
        for (int64_t key = 0; key < visible; key += SIDE) {
            auto p = block.dots(q, item.first, k, key, a.d);
            for (int i = 0; i < W; i++) {
                const int64_t seen = adj_keys_seen(a, first + i) - key - block.x * W;
                T top = most[i];
                for (int j = 0; j < W; j++) {
                    p.at[i][j] = j < seen ? static_cast<T>(a.scale) * p.at[i][j] : NONE;
                    top = adj_larger(top, p.at[i][j]);
                }
                top = adj_warp_reduce(top, larger, ADJ_SQUARE);
                /* Without any score yet, exp(-∞ - 0) is 0, exp(-∞ + ∞) is not. */
                const T shift = top == NONE ? T(0) : top;
                const T rescale = adj_exp(most[i] - shift);
                most[i] = top;
                sum[i] *= rescale;
                for (int j = 0; j < W; j++) {
                    p.at[i][j] = adj_exp(p.at[i][j] - shift);
                    sum[i] += p.at[i][j];
                    out.at[i][j] *= rescale;
                }
            }
            block.set_weights_turned(p);
            block.add_weighted(out, v, key, item.column, a.d);
        }
        for (int i = 0; i < W; i++) {
            const T all = adj_warp_reduce(sum[i], [](T u, T w) { return u + w; }, ADJ_SQUARE);
            /* A query that sees no key gives 0; one whose scores are all -∞ has no softmax. */
            const bool blind = adj_keys_seen(a, first + i) == 0;
            const T total = most[i] == NONE ? static_cast<T>(NAN) : all;
            for (int j = 0; j < W; j++) {
                out.at[i][j] = blind ? T(0) : out.at[i][j] / total;
            }
            if (item.column == 0 && block.x == 0 && first + i < a.tq) {
                static_cast<T*>(a.log_sum_exp)[item.head * a.tq + first + i] =
                    blind ? NONE : most[i] + adj_log(total);
            }
        }
        block.write(out, adj_output<S>(a.out, a.out_strides, a.heads, item.head, a.tq), item.first,
                    item.column, a.d);
    });
}

ADJ_KERNEL(adj_attention_f32, adj_attention_args) {
    adj_attention<float>(args);
}
ADJ_KERNEL(adj_attention_f64, adj_attention_args) {
    adj_attention<double>(args);
}
ADJ_KERNEL(adj_attention_bf16, adj_attention_args) {
    adj_attention<__nv_bfloat16>(args);
}
ADJ_KERNEL(adj_attention_f16, adj_attention_args) {
    adj_attention<__half>(args);
}

/* ---- gradients ---- */

/*
 * What the derivative of softmax subtracts, Σ p ⊙ dp of each query, is the dot product of the rows
 * of grad and out; it goes to scratch, [B, H, Tq]. A warp takes a row.
 */
template <class S>
ADJ_DEVICE void adj_attention_grad_delta(const adj_attention_grad_args& a) {
    using T = adj_number<S>;
    const int64_t rows = a.batch * a.heads * a.tq;
    for (int64_t row = adj_thread() / ADJ_WARP; row < rows; row += adj_threads() / ADJ_WARP) {
        const int64_t query = row % a.tq;
        const auto grad = adj_input<S>(a.grad, a.grad_strides, a.heads, row / a.tq, a.tq);
        const auto out = adj_input<S>(a.out, a.out_strides, a.heads, row / a.tq, a.tq);
        T sum = 0;
        for (int64_t c = adj_lane(); c < a.d; c += ADJ_WARP) {
            sum += grad.element(query, c, a.d) * out.element(query, c, a.d);
        }
        sum = adj_warp_reduce(sum, [](T u, T v) { return u + v; });
        if (adj_lane() == 0) {
            static_cast<T*>(a.scratch)[row] = sum;
        }
    }
}

ADJ_KERNEL(adj_attention_grad_delta_f32, adj_attention_grad_args) {
    adj_attention_grad_delta<float>(args);
}
ADJ_KERNEL(adj_attention_grad_delta_f64, adj_attention_grad_args) {
    adj_attention_grad_delta<double>(args);
}
ADJ_KERNEL(adj_attention_grad_delta_bf16, adj_attention_grad_args) {
    adj_attention_grad_delta<__nv_bfloat16>(args);
}
ADJ_KERNEL(adj_attention_grad_delta_f16, adj_attention_grad_args) {
    adj_attention_grad_delta<__half>(args);
}

/*
 * Of a tile of queries and keys, at this thread's places: p = exp(scale · q kᵀ - logsumexp), and
 * the gradient of q kᵀ, g = scale · p ⊙ (grad vᵀ - delta). Both are 0 where a query does not see a
 * key.
 */
template <class S>
struct adj_attention_grad_tile {
    using T = adj_number<S>;

    typename adj_tile<T>::places p;
    typename adj_tile<T>::places g;

    __device__ __forceinline__ adj_attention_grad_tile(const adj_square_block<T>& block,
                                                       const adj_attention_grad_args& a,
                                                       const adj_attention_grad_head<S>& head,
                                                       int64_t first_query, int64_t first_key)
        : p(block.dots(head.q, first_query, head.k, first_key, a.d)),
          g(block.dots(head.grad, first_query, head.v, first_key, a.d)) {
        constexpr int W = adj_tile<T>::W;
        const T scale = static_cast<T>(a.scale);
        for (int i = 0; i < W; i++) {
            const int64_t query = first_query + block.y * W + i;
            const int64_t seen =
                query < a.tq ? adj_keys_seen(a, query) - first_key - block.x * W : 0;
            const T log_sum_exp = seen > 0 ? head.log_sum_exp[query] : T(0);
            const T delta = seen > 0 ? head.delta[query] : T(0);
            for (int j = 0; j < W; j++) {
                const T e = j < seen ? adj_exp(scale * p.at[i][j] - log_sum_exp) : T(0);
                p.at[i][j] = e;
                g.at[i][j] = j < seen ? scale * e * (g.at[i][j] - delta) : T(0);
            }
        }
    }
};

/* grad_v = pᵀ grad and grad_k = gᵀ q: a tile of keys, along the queries that see any of them. */
template <class S>
ADJ_DEVICE void adj_attention_grad(const adj_attention_grad_args& a) {
    using T = adj_number<S>;
    constexpr int SIDE = adj_tile<T>::SIDE;
    ADJ_SQUARE_BLOCK(T, block);
    adj_for_items<T>(a, a.tk, [&](const adj_attention_item& item) {
        const adj_attention_grad_head<S> head(a, item.head);
        const int64_t first = a.causal ? adj_max(0, item.first - (a.tk - a.tq)) : 0;
        typename adj_tile<T>::places grad_k;
        typename adj_tile<T>::places grad_v;
        for (int64_t query = first / SIDE * SIDE; query < a.tq; query += SIDE) {
            const adj_attention_grad_tile<S> tile(block, a, head, query, item.first);
            if (a.grad_v != nullptr) {
                block.set_weights(tile.p);
                block.add_weighted(grad_v, head.grad, query, item.column, a.d);
            }
            if (a.grad_k != nullptr) {
                __syncthreads(); /* the weights before have been read */
                block.set_weights(tile.g);
                block.add_weighted(grad_k, head.q, query, item.column, a.d);
            }
        }
        if (a.grad_v != nullptr) {
            block.write(grad_v,
                        adj_output<S>(a.grad_v, a.grad_v_strides, a.heads, item.head, a.tk),
                        item.first, item.column, a.d);
        }
        if (a.grad_k != nullptr) {
            block.write(grad_k,
                        adj_output<S>(a.grad_k, a.grad_k_strides, a.heads, item.head, a.tk),
                        item.first, item.column, a.d);
        }
    });
}

ADJ_KERNEL(adj_attention_grad_f32, adj_attention_grad_args) {
    adj_attention_grad<float>(args);
}
ADJ_KERNEL(adj_attention_grad_f64, adj_attention_grad_args) {
    adj_attention_grad<double>(args);
}
ADJ_KERNEL(adj_attention_grad_bf16, adj_attention_grad_args) {
    adj_attention_grad<__nv_bfloat16>(args);
}
ADJ_KERNEL(adj_attention_grad_f16, adj_attention_grad_args) {
    adj_attention_grad<__half>(args);
}

/* grad_q = g k: a tile of queries, along the keys that any of them sees. */
template <class S>
ADJ_DEVICE void adj_attention_grad_q(const adj_attention_grad_args& a) {
    using T = adj_number<S>;
    constexpr int SIDE = adj_tile<T>::SIDE;
    ADJ_SQUARE_BLOCK(T, block);
    adj_for_items<T>(a, a.tq, [&](const adj_attention_item& item) {
        const adj_attention_grad_head<S> head(a, item.head);
        const int64_t visible = adj_keys_seen(a, adj_min(a.tq, item.first + SIDE) - 1);
        typename adj_tile<T>::places grad_q;
        for (int64_t key = 0; key < visible; key += SIDE) {
            const adj_attention_grad_tile<S> tile(block, a, head, item.first, key);
            block.set_weights_turned(tile.g);
            block.add_weighted(grad_q, head.k, key, item.column, a.d);
        }
        block.write(grad_q, adj_output<S>(a.grad_q, a.grad_q_strides, a.heads, item.head, a.tq),
                    item.first, item.column, a.d);
    });
}

ADJ_KERNEL(adj_attention_grad_q_f32, adj_attention_grad_args) {
    adj_attention_grad_q<float>(args);
}
ADJ_KERNEL(adj_attention_grad_q_f64, adj_attention_grad_args) {
    adj_attention_grad_q<double>(args);
}
ADJ_KERNEL(adj_attention_grad_q_bf16, adj_attention_grad_args) {
    adj_attention_grad_q<__nv_bfloat16>(args);
}
ADJ_KERNEL(adj_attention_grad_q_f16, adj_attention_grad_args) {
    adj_attention_grad_q<__half>(args);
}
