/* What the kernels of attention share: the operands of one head, and who sees whom. */
#ifndef ADJ_ATTENTION_CUH
#define ADJ_ATTENTION_CUH

#include "common.cuh"

/* One head of a [B, H, T, D] operand: `rows` rows of d neighbours. */
template <class T>
struct adj_head {
    T* first;
    int64_t stride;
    int64_t rows;

    __device__ __forceinline__ adj_head(T* operand, const int64_t (&strides)[3], int64_t heads,
                                        int64_t index, int64_t length)
        : first(operand + index / heads * strides[0] + index % heads * strides[1]),
          stride(strides[2]),
          rows(length) {
    }

    /* Zero behind the last row and the last column. */
    __device__ __forceinline__ auto element(int64_t row, int64_t column, int64_t d) const {
        using Number = adj_number<T>;
        return row < rows && column < d ? adj_widen(first[row * stride + column]) : Number(0);
    }
};

template <class T>
ADJ_DEVICE adj_head<const T> adj_input(const void* operand, const int64_t (&strides)[3],
                                       int64_t heads, int64_t index, int64_t length) {
    return {static_cast<const T*>(operand), strides, heads, index, length};
}

template <class T>
ADJ_DEVICE adj_head<T> adj_output(void* operand, const int64_t (&strides)[3], int64_t heads,
                                  int64_t index, int64_t length) {
    return {static_cast<T*>(operand), strides, heads, index, length};
}

/* How many keys, from the first on, a query sees: causal, keys j <= query + tk - tq. */
template <class Args>
ADJ_DEVICE int64_t adj_keys_seen(const Args& a, int64_t query) {
    return a.causal ? adj_min(a.tk, adj_max(0, query + 1 + a.tk - a.tq)) : a.tk;
}

/* One head's operands of the gradients; statistics and scratch are as wide as the arithmetic. */
template <class T>
struct adj_attention_grad_head {
    adj_head<const T> grad;
    adj_head<const T> q;
    adj_head<const T> k;
    adj_head<const T> v;
    const adj_number<T>* log_sum_exp;
    const adj_number<T>* delta;

    __device__ __forceinline__ adj_attention_grad_head(const adj_attention_grad_args& a,
                                                       int64_t head)
        : grad(adj_input<T>(a.grad, a.grad_strides, a.heads, head, a.tq)),
          q(adj_input<T>(a.q, a.q_strides, a.heads, head, a.tq)),
          k(adj_input<T>(a.k, a.k_strides, a.heads, head, a.tk)),
          v(adj_input<T>(a.v, a.v_strides, a.heads, head, a.tk)),
          log_sum_exp(static_cast<const adj_number<T>*>(a.log_sum_exp) + head * a.tq),
          delta(static_cast<const adj_number<T>*>(a.scratch) + head * a.tq) {
    }
};

#endif
