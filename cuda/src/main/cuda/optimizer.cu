/*
 * Optimizer steps: one pass over the memory of many tensors. Coefficients are computed in double
 * and rounded once to the tensors' type. The steps done are counted by a launch of their own, after
 * all blocks have read them: the last block to end could count them too, but would need a counter
 * of blocks in memory, and another way where a step has several launches or none.
 */
#include "common.cuh"
#include "math.cuh"
#include "spans.cuh"

ADJ_KERNEL(adj_count_step, adj_count_step_args) {
    args.hyper[1] += 1;
}

/* ---- stochastic gradient descent ---- */

enum { SGD_W, SGD_G, SGD_BUFFER, SGD_LENGTH, SGD_WORDS };

template <class T>
ADJ_DEVICE void sgd(const adj_sgd_args& args) {
    constexpr int N = adj_packet_size(sizeof(T));
    const adj_span span = adj_span_of_block(args.words + SGD_LENGTH, SGD_WORDS, args.count);
    const int64_t* words = args.words + span.tensor * SGD_WORDS;
    const T rate = static_cast<T>(args.hyper[0]);
    const T decay = static_cast<T>(args.weight_decay);
    const T momentum = static_cast<T>(args.momentum);
    /* The first step starts the buffers, whatever they held. */
    const bool first = args.hyper[1] == 0;
    const T intake = first ? T{1} : static_cast<T>(1 - args.dampening);
    const bool nesterov = args.nesterov != 0;
    const bool buffered = words[SGD_BUFFER] != 0;

    const adj_array<T, N> ws(adj_address<T>(words[SGD_W]) + span.first);
    const adj_array<const T, N> gs(adj_address<const T>(words[SGD_G]) + span.first);
    const adj_array<T, N> buffers(adj_address<T>(words[SGD_BUFFER]) + span.first);
    adj_for_span<N>(span.n, [&](int64_t i, int n) {
        T w[N];
        T g[N];
        T buffer[N] = {};
        ws.load(i, n, w);
        gs.load(i, n, g);
        if (buffered && !first) {
            buffers.load(i, n, buffer);
        }
        ADJ_UNROLL
        for (int k = 0; k < N; k++) {
            const T gradient = g[k] + decay * w[k];
            const T velocity = momentum * buffer[k] + intake * gradient;
            const T ahead = nesterov ? gradient + momentum * velocity : velocity;
            buffer[k] = velocity;
            w[k] -= rate * (buffered ? ahead : gradient);
        }
        if (buffered) {
            buffers.store(i, n, buffer);
        }
        ws.store(i, n, w);
    });
}

ADJ_KERNEL(adj_sgd_f32, adj_sgd_args) {
    sgd<float>(args);
}
ADJ_KERNEL(adj_sgd_f64, adj_sgd_args) {
    sgd<double>(args);
}

/* ---- AdamW ---- */

enum { ADAMW_W, ADAMW_G, ADAMW_M, ADAMW_V, ADAMW_LENGTH, ADAMW_WORDS };

template <class T>
ADJ_DEVICE void adamw(const adj_adamw_args& args) {
    constexpr int N = adj_packet_size(sizeof(T));
    /*
     * The learning rate over the first moment's bias correction, and one over the root of the
     * second's: powers in double, which one thread takes for all.
     */
    ADJ_SHARED(double, corrections, 2);
    if (threadIdx.x == 0) {
        const double t = args.hyper[1] + 1;
        corrections[0] = args.hyper[0] / (1 - pow(args.beta1, t));
        corrections[1] = 1 / sqrt(1 - pow(args.beta2, t));
    }
    __syncthreads();
    const T step = static_cast<T>(corrections[0]);
    const T scale = static_cast<T>(corrections[1]);
    const T decay = static_cast<T>(args.hyper[0] * args.weight_decay);
    const T eps = static_cast<T>(args.eps);
    const T beta1 = static_cast<T>(args.beta1);
    const T beta2 = static_cast<T>(args.beta2);
    const T intake1 = static_cast<T>(1 - args.beta1);
    const T intake2 = static_cast<T>(1 - args.beta2);

    const adj_span span = adj_span_of_block(args.words + ADAMW_LENGTH, ADAMW_WORDS, args.count);
    const int64_t* words = args.words + span.tensor * ADAMW_WORDS;
    const adj_array<T, N> ws(adj_address<T>(words[ADAMW_W]) + span.first);
    const adj_array<const T, N> gs(adj_address<const T>(words[ADAMW_G]) + span.first);
    const adj_array<T, N> ms(adj_address<T>(words[ADAMW_M]) + span.first);
    const adj_array<T, N> vs(adj_address<T>(words[ADAMW_V]) + span.first);
    adj_for_span<N>(span.n, [&](int64_t i, int n) {
        T w[N];
        T g[N];
        T m[N];
        T v[N];
        ws.load(i, n, w);
        gs.load(i, n, g);
        ms.load(i, n, m);
        vs.load(i, n, v);
        ADJ_UNROLL
        for (int k = 0; k < N; k++) {
            m[k] = beta1 * m[k] + intake1 * g[k];
            v[k] = beta2 * v[k] + intake2 * g[k] * g[k];
            w[k] -= decay * w[k] + step * m[k] / (adj_sqrt(v[k]) * scale + eps);
        }
        ws.store(i, n, w);
        ms.store(i, n, m);
        vs.store(i, n, v);
    });
}

ADJ_KERNEL(adj_adamw_f32, adj_adamw_args) {
    adamw<float>(args);
}
ADJ_KERNEL(adj_adamw_f64, adj_adamw_args) {
    adamw<double>(args);
}

/* ---- scaling, as gradient clipping needs it ---- */

template <class T>
ADJ_DEVICE void scale(const adj_scale_args& args) {
    constexpr int N = adj_packet_size(sizeof(T));
    const T factor = *static_cast<const T*>(args.factor);
    const adj_span span = adj_span_of_block(args.words + args.count, 1, args.count);
    const adj_array<T, N> xs(adj_address<T>(args.words[span.tensor]) + span.first);
    adj_for_span_of(xs, span.n, [&](int64_t i, int n, T(&x)[N]) {
        ADJ_UNROLL
        for (int k = 0; k < N; k++) {
            x[k] *= factor;
        }
        xs.store(i, n, x);
    });
}

ADJ_KERNEL(adj_scale_f32, adj_scale_args) {
    scale<float>(args);
}
ADJ_KERNEL(adj_scale_f64, adj_scale_args) {
    scale<double>(args);
}
