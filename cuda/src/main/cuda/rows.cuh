/*
 * Kernels over the rows of dense matrices. A team of threads takes one row at a time: some lanes of
 * a warp, a warp, or the whole block, as Java decides by the number of columns. Rows are read from
 * global memory once: where several passes need them, they wait in shared memory if there is room.
 */
#ifndef ADJ_ROWS_CUH
#define ADJ_ROWS_CUH

#include <math.h>

#include "common.cuh"
#include "math.cuh"
#include "ptx.cuh"

/* The threads that share a row. All threads of a block call the reductions together. */
struct adj_team {
    int size;
    int rank;  /* of this thread in its team */
    int index; /* of the team in its block */
    int count; /* of teams in the block */

    __device__ __forceinline__ explicit adj_team(const adj_rows& rows)
        : size(static_cast<int>(rows.team)),
          rank(static_cast<int>(threadIdx.x) % size),
          index(static_cast<int>(threadIdx.x) / size),
          count(static_cast<int>(blockDim.x) / size) {
    }

    template <class T>
    __device__ __forceinline__ T sum(T x) const {
        return reduce(x, T(0), [](T a, T b) { return a + b; });
    }

    template <class T>
    __device__ __forceinline__ T max(T x) const {
        return reduce(x, -static_cast<T>(INFINITY), [](T a, T b) { return adj_larger(a, b); });
    }

    __device__ __forceinline__ void wait() const {
        if (size <= ADJ_WARP) {
            __syncwarp();
        } else {
            __syncthreads();
        }
    }

  private:
    template <class T, class F>
    __device__ __forceinline__ T reduce(T x, T initial, F join) const {
        return size <= ADJ_WARP ? adj_warp_reduce(x, join, size)
                                : adj_block_reduce(x, initial, join);
    }
};

/*
 * body(row, present) for a team's share of the rows from `first` to before `end`. All teams of a
 * block get equally many, because they meet in reductions: `present` is false behind the end.
 */
template <class F>
ADJ_DEVICE void adj_for_rows(const adj_team& team, int64_t first, int64_t end, int64_t step,
                             F body) {
    for (int64_t row = first; row < end; row += step) {
        body(row + team.index, row + team.index < end);
    }
}

/* The same for all rows of a matrix, dealt out to all teams of the launch. */
template <class F>
ADJ_DEVICE void adj_for_all_rows(const adj_team& team, int64_t rows, F body) {
    adj_for_rows(team, static_cast<int64_t>(blockIdx.x) * team.count, rows,
                 static_cast<int64_t>(gridDim.x) * team.count, body);
}

/* How many elements one access moves, as a constant among a function's arguments. */
template <int N>
struct adj_width {
    static constexpr int value = N;
};

/* Whether packets begin at the same places of two rows. */
template <class T, class U>
ADJ_DEVICE bool adj_lie_alike(const T* a, const U* b) {
    return (reinterpret_cast<uintptr_t>(a) ^ reinterpret_cast<uintptr_t>(b)) % ADJ_PACKET_BYTES ==
           0;
}

/* How a row is dealt out to its team: each element has a thread, the only one that touches it. */
template <class T>
struct adj_row_span {
    static constexpr int WIDTH = adj_packet_size(sizeof(T));
    /* Packets that a thread computes with at once: as many as about 64 registers hold. */
    static constexpr int BATCH = sizeof(T) < sizeof(float) ? 2 : 4;

    int64_t n;
    int64_t head;    /* elements before the first packet */
    int64_t packets; /* neighbours, each aligned */

    /*
     * For one row: packets lie between its boundaries, if its operands share them. Other rows may
     * be dealt out otherwise.
     */
    template <class... Operands>
    __device__ __forceinline__ static adj_row_span of_row(int64_t n, const T* first,
                                                          const Operands*... others) {
        const uintptr_t at = reinterpret_cast<uintptr_t>(first);
        const int64_t head = static_cast<int64_t>((0 - at) % ADJ_PACKET_BYTES / sizeof(T));
        const bool fits = (adj_lie_alike(first, others) && ...) && n > head;
        return {n, head, fits ? (n - head) / WIDTH : 0};
    }

    /* For any row of dense matrices, and for their columns: all are dealt out alike. */
    template <class... Operands>
    __device__ __forceinline__ static adj_row_span of_any_row(int64_t n,
                                                              const Operands*... operands) {
        const bool fits = n % WIDTH == 0 && (adj_is_aligned(operands, ADJ_PACKET_BYTES) && ...);
        return {n, 0, fits ? n / WIDTH : 0};
    }

    __device__ __forceinline__ adj_row_span only_if(bool present) const {
        return {present ? n : 0, head, present ? packets : 0};
    }

    /* body(i, width) for this thread's elements i to i + width - 1. */
    template <class F>
    __device__ __forceinline__ void each(const adj_team& team, F body) const {
        ADJ_UNROLL_BY(1)
        for (int64_t p = team.rank; p < packets; p += team.size) {
            body(head + p * WIDTH, adj_width<WIDTH>());
        }
        each_single(team, body);
    }

    /*
     * take(packets, i, stride) for this thread's elements, up to BATCH packets at once, whose loads
     * are under way together: they begin at i, i + stride, ... in the row. load(i, width) gives the
     * packet of width elements from i on.
     */
    template <class L, class F>
    __device__ __forceinline__ void each_batch(const adj_team& team, L load, F take) const {
        int64_t p = team.rank;
        ADJ_UNROLL_BY(1)
        for (; p < batches_end(team); p += BATCH * team.size) {
            adj_packet<T, WIDTH> x[BATCH];
            load_batch(team, p, load, x);
            take(x, head + p * WIDTH, team.size * WIDTH);
        }
        each_left(team, p, load, take);
    }

    /*
     * The same where take computes with one packet after the other. ptxas would put off the loads
     * of the later ones: so the loop ends with them. They wait as words, since elements of 16 bits
     * would take a register each.
     */
    template <class L, class F>
    __device__ __forceinline__ void each_batch_ahead(const adj_team& team, L load, F take) const {
        int64_t p = team.rank;
        adj_packet<T, WIDTH> x[BATCH];
        adj_packet<uint32_t, ADJ_PACKET_BYTES / 4> words[BATCH];
        const auto load_words = [&] {
            load_batch(team, p, load, x);
            memcpy(words, x, sizeof words);
        };
        if (p < batches_end(team)) {
            load_words();
        }
        ADJ_UNROLL_BY(1)
        while (p < batches_end(team)) {
            memcpy(x, words, sizeof x);
            take(x, head + p * WIDTH, team.size * WIDTH);
            p += BATCH * team.size;
            if (p < batches_end(team)) {
                load_words();
            }
        }
        each_left(team, p, load, take);
    }

  private:
    /* A batch whose first packet is before this one is whole. */
    __device__ __forceinline__ int64_t batches_end(const adj_team& team) const {
        return packets - (BATCH - 1) * team.size;
    }

    template <class L>
    __device__ __forceinline__ void load_batch(const adj_team& team, int64_t p, L load,
                                               adj_packet<T, WIDTH> (&x)[BATCH]) const {
        ADJ_UNROLL
        for (int k = 0; k < BATCH; k++) {
            x[k] = load(head + (p + k * team.size) * WIDTH, adj_width<WIDTH>());
        }
    }

    /* Packets from the p-th on, and single elements. */
    template <class L, class F>
    __device__ __forceinline__ void each_left(const adj_team& team, int64_t p, L load,
                                              F take) const {
        const auto take_one = [&](int64_t i, auto width) {
            const adj_packet<T, width.value> x[1] = {load(i, width)};
            take(x, i, 0);
        };
        ADJ_UNROLL_BY(1)
        for (; p < packets; p += team.size) {
            take_one(head + p * WIDTH, adj_width<WIDTH>());
        }
        each_single(team, take_one);
    }

    template <class F>
    __device__ __forceinline__ void each_single(const adj_team& team, F body) const {
        const int64_t before = packets > 0 ? head : 0;
        const int64_t single = n - packets * WIDTH;
        ADJ_UNROLL_BY(1)
        for (int64_t i = team.rank; i < single; i += team.size) {
            body(i < before ? i : i + packets * WIDTH, adj_width<1>());
        }
    }
};

/* A packet of such a row. Where the compiler follows head, it stores each element on its own. */
template <int N, class T, class X>
ADJ_DEVICE void adj_store_in_row(T* p, const adj_packet<X, N>& packet) {
    ADJ_FORGET(p);
    adj_store_packet<N>(p, packet);
}

/*
 * A thread's share of a sum. Of floats, its rounding errors are kept (Knuth's TwoSum) and added at
 * the end: exact to about an ulp however long the row, without float64, in which many GPUs are
 * slow.
 */
template <class T>
struct adj_row_sum {
    T sum = 0;

    __device__ __forceinline__ void add(T x) {
        sum += x;
    }
    __device__ __forceinline__ void scale(T factor) {
        sum *= factor;
    }
    __device__ __forceinline__ T value() const {
        return sum;
    }
};

template <>
struct adj_row_sum<float> {
    float sum = 0;
    float lost = 0;

    __device__ __forceinline__ void add(float x) {
        const float next = sum + x;
        const float added = next - sum;
        lost += (sum - (next - added)) + (x - added);
        sum = next;
    }
    __device__ __forceinline__ void scale(float factor) {
        sum *= factor;
        lost *= factor;
    }
    __device__ __forceinline__ float value() const {
        return sum - sum == 0 ? sum + lost : sum; /* nothing is lost of an infinity */
    }
};

/* N elements added up, a power of two, by halves: few additions wait for others. */
template <class T, int N>
ADJ_DEVICE T adj_sum_of(const adj_packet<T, N>& x) {
    if constexpr (N == 1) {
        return x.at[0];
    } else {
        adj_packet<T, N / 2> sums;
        ADJ_UNROLL
        for (int k = 0; k < N / 2; k++) {
            sums.at[k] = x.at[k] + x.at[k + N / 2];
        }
        return adj_sum_of(sums);
    }
}

/*
 * The largest element of a row and Σ exp(element - largest), in one pass (Milakov and Gimelshein
 * 2018): where a larger one turns up, what came before is rescaled.
 */
template <class T>
struct adj_exp_sum {
    T most = -static_cast<T>(INFINITY);
    adj_row_sum<T> sum;

    /* What a thread has of a row at once, as numbers. */
    template <class E, int N, int WIDTH>
    __device__ __forceinline__ void add(const adj_packet<E, WIDTH> (&packets)[N]) {
        adj_packet<T, N * WIDTH> x;
        ADJ_UNROLL
        for (int k = 0; k < N * WIDTH; k++) {
            x.at[k] = adj_widen(packets[k / WIDTH].at[k % WIDTH]);
        }
        const T before = most;
        ADJ_UNROLL
        for (const T e : x.at) {
            most = fmax(most, e); /* a NaN will be in the sum */
        }
        /* Without a largest element yet, exp(-∞ - 0) is 0, exp(-∞ + ∞) is not. */
        const T shift = most == -static_cast<T>(INFINITY) ? T(0) : most;
        sum.scale(adj_exp(before - shift)); /* mostly by 1; a branch would wait for every load */
        ADJ_UNROLL
        for (T& e : x.at) {
            e = adj_exp(e - shift);
        }
        sum.add(adj_sum_of(x));
    }

    /* Joins a team's shares. A row of -∞ has no probabilities: NaN, as exp(-∞ + ∞) says. */
    __device__ __forceinline__ T join(const adj_team& team) {
        const T own = most;
        most = team.max(own);
        return team.sum(sum.value() * adj_exp(own - most));
    }
};

/*
 * The shared memory of a team: room for some rows as they are and behind them for rows of sums, or
 * for none.
 */
template <class T>
struct adj_rows_memory {
    using A = adj_number<T>;

    unsigned char* block;
    int team;
    int64_t pitch; /* elements of a row; 0: there is no room */
    int64_t rows_bytes;
    int64_t bytes; /* of a team */

    __device__ __forceinline__ adj_rows_memory(const adj_team& own, const adj_rows& rows,
                                               int rows_of_team, int sums_of_team = 0)
        : team(own.index),
          pitch(rows.pitch),
          rows_bytes(rows_of_team * pitch * static_cast<int64_t>(sizeof(T))),
          bytes(rows_bytes + sums_of_team * pitch * static_cast<int64_t>(sizeof(A))) {
        ADJ_DYNAMIC_SHARED(unsigned char, memory);
        block = memory;
    }

    /* The k-th row, with packets where the span has them; NULL if there is no room. */
    __device__ __forceinline__ T* row(int k, const adj_row_span<T>& span) const {
        constexpr int WIDTH = adj_row_span<T>::WIDTH;
        T* const rows = reinterpret_cast<T*>(block + team * bytes);
        return pitch == 0 ? nullptr : rows + k * pitch + (WIDTH - span.head) % WIDTH;
    }

    /* The k-th row of sums of a team of the block. */
    __device__ __forceinline__ A* sums(int k, int of_team) const {
        return reinterpret_cast<A*>(block + of_team * bytes + rows_bytes) + k * pitch;
    }

    /*
     * Where a thread finds its elements of `source` once it has waited: copies of all its packets
     * are under way at once.
     */
    __device__ __forceinline__ const T* keep(int k, const adj_row_span<T>& span,
                                             const adj_team& own, const T* source) const {
        T* const kept = row(k, span);
        if (kept == nullptr) {
            return source;
        }
        span.each(own, [&](int64_t i, auto width) {
            if constexpr (width.value > 1) {
                adj_copy_async(kept + i, source + i, ADJ_PACKET_BYTES);
            } else {
                kept[i] = source[i];
            }
        });
        return kept;
    }

    /* Waits for what this thread keeps, which no other thread reads. */
    __device__ __forceinline__ void wait() const {
        adj_copy_commit();
        adj_copy_wait<0>();
    }
};

#endif
