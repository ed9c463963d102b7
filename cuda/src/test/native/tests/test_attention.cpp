/*
 * Attention on the simulated device, against plain loops in float64: every kernel for every size
 * and layout, also those that Java would give to another one.
 */
#include <algorithm>

#include "cuda_args.h"
#include "kernels_under_test.h"

#define DECLARE(suffix)                                                         \
    extern "C" void adj_attention_##suffix(const adj_attention_args&);           \
    extern "C" void adj_attention_grad_##suffix(const adj_attention_grad_args&); \
    extern "C" void adj_attention_grad_q_##suffix(const adj_attention_grad_args&);
DECLARE(f32)
DECLARE(f64)
DECLARE(bf16)
DECLARE(64_bf16)
DECLARE(128_bf16)
DECLARE(f16)
DECLARE(64_f16)
DECLARE(128_f16)
extern "C" void adj_attention_grad_delta_f32(const adj_attention_grad_args&);
extern "C" void adj_attention_grad_delta_f64(const adj_attention_grad_args&);
extern "C" void adj_attention_grad_delta_bf16(const adj_attention_grad_args&);
extern "C" void adj_attention_grad_delta_f16(const adj_attention_grad_args&);

namespace {

/* Kernels that belong together. */
struct Kernels {
    const char* name;
    int block;
    int64_t largest; /* head */
    bool rounds;     /* factors of the second products */
    void (*forward)(const adj_attention_args&);
    void (*delta)(const adj_attention_grad_args&);
    void (*grad)(const adj_attention_grad_args&);
    void (*grad_q)(const adj_attention_grad_args&);
};

#define KERNELS(suffix, dtype, block, largest, rounds)                             \
    {                                                                              \
        #suffix, block, largest, rounds, adj_attention_##suffix,                   \
            adj_attention_grad_delta_##dtype, adj_attention_grad_##suffix,         \
            adj_attention_grad_q_##suffix                                          \
    }
const Kernels F32 = KERNELS(f32, f32, 256, INT64_MAX, false);
const Kernels F64 = KERNELS(f64, f64, 256, INT64_MAX, false);
const Kernels BF16[] = {KERNELS(bf16, bf16, 256, INT64_MAX, false),
                        KERNELS(64_bf16, bf16, 128, 64, true),
                        KERNELS(128_bf16, bf16, 128, 128, true)};
const Kernels F16[] = {KERNELS(f16, f16, 256, INT64_MAX, false),
                       KERNELS(64_f16, f16, 128, 64, true),
                       KERNELS(128_f16, f16, 128, 128, true)};

enum Order {
    HEADS_FIRST, /* [B, H, T, D] in memory */
    TIME_FIRST,  /* [B, T, H, D] */
    PACKED       /* [B, T, 3, H, D]: one of three */
};

struct Problem {
    int64_t batch, heads, tq, tk, d;
    bool causal;
    Order order;

    int64_t apart() const {
        return order == PACKED ? 3 : 1;
    }
    size_t size(int64_t length) const {
        return static_cast<size_t>(apart() * batch * heads * length * d);
    }
    void strides(int64_t length, int64_t (&s)[3]) const {
        s[0] = apart() * heads * length * d;
        s[1] = order == HEADS_FIRST ? length * d : d;
        s[2] = order == HEADS_FIRST ? d : apart() * heads * d;
    }
    size_t at(int64_t head, int64_t length, int64_t row) const {
        int64_t s[3];
        strides(length, s);
        return static_cast<size_t>(head / heads * s[0] + head % heads * s[1] + row * s[2]);
    }
    int64_t seen(int64_t query) const {
        return causal ? std::min(tk, std::max<int64_t>(0, query + 1 + tk - tq)) : tk;
    }
    /* A result: zeros in its rows, and between them what must stay. */
    Values zeros(int64_t length) const {
        Values values(size(length), 42);
        for (int64_t head = 0; head < batch * heads; head++) {
            for (int64_t row = 0; row < length; row++) {
                std::fill_n(values.begin() + static_cast<ptrdiff_t>(at(head, length, row)), d, 0);
            }
        }
        return values;
    }
};

constexpr double SCALE = 0.3;

/* A head's row of a times one of b. */
double dot(const Values& a, size_t i, const Values& b, size_t j, int64_t d) {
    double sum = 0;
    for (size_t c = 0; c < static_cast<size_t>(d); c++) {
        sum += a[i + c] * b[j + c];
    }
    return sum;
}

void add(Values& sums, size_t i, double factor, const Values& x, size_t j, int64_t d) {
    for (size_t c = 0; c < static_cast<size_t>(d); c++) {
        sums[i + c] += factor * x[j + c];
    }
}

template <class T>
Values operand(const Problem& p, int64_t length, unsigned seed) {
    Values values = uniform(p.size(length), -1, 1, seed);
    for (double& x : values) {
        x = number(element<T>(x));
    }
    return values;
}

template <class Args>
void set_problem(Args& args, const Problem& p) {
    args.batch = p.batch;
    args.heads = p.heads;
    args.tq = p.tq;
    args.tk = p.tk;
    args.d = p.d;
    args.causal = p.causal;
    args.scale = SCALE;
}

/* `shift`: of the operands' first elements, which then are not aligned. */
template <class T>
void test_attention(const Kernels& kernels, const Problem& p, int64_t blocks, size_t shift = 0) {
    if (p.d > kernels.largest) {
        return;
    }
    const Values qs = operand<T>(p, p.tq, 1);
    const Values ks = operand<T>(p, p.tk, 2);
    const Values vs = operand<T>(p, p.tk, 3);
    const Values grads = operand<T>(p, p.tq, 4);
    const auto rows = static_cast<size_t>(p.batch * p.heads * p.tq);
    Values outs = p.zeros(p.tq);
    Values stored_outs = outs; /* of which the gradients are */
    Values lses(rows, NONE);
    Values grad_qs = p.zeros(p.tq);
    Values grad_ks = p.zeros(p.tk);
    Values grad_vs = p.zeros(p.tk);
    for (int64_t head = 0; head < p.batch * p.heads; head++) {
        for (int64_t i = 0; i < p.tq; i++) {
            const size_t q = p.at(head, p.tq, i);
            Values scores;
            for (int64_t j = 0; j < p.seen(i); j++) {
                scores.push_back(SCALE * dot(qs, q, ks, p.at(head, p.tk, j), p.d));
            }
            if (scores.empty()) {
                continue;
            }
            const double most = max_of(scores.data(), p.seen(i));
            const double lse = most + std::log(sum_exp(scores.data(), p.seen(i), most));
            lses[static_cast<size_t>(head * p.tq + i)] = lse;
            for (int64_t j = 0; j < p.seen(i); j++) {
                const double weight = std::exp(scores[static_cast<size_t>(j)] - lse);
                add(outs, q, weight, vs, p.at(head, p.tk, j), p.d);
            }
            for (size_t c = q; c < q + static_cast<size_t>(p.d); c++) {
                stored_outs[c] = number(element<T>(outs[c]));
            }
            const double delta = dot(grads, q, stored_outs, q, p.d);
            for (int64_t j = 0; j < p.seen(i); j++) {
                const size_t k = p.at(head, p.tk, j);
                const double weight = std::exp(scores[static_cast<size_t>(j)] - lse);
                const double g = SCALE * weight * (dot(grads, q, vs, k, p.d) - delta);
                add(grad_vs, k, weight, grads, q, p.d);
                add(grad_qs, q, g, ks, k, p.d);
                add(grad_ks, k, g, qs, q, p.d);
            }
        }
    }
    const Array<T> q(qs, shift), k(ks, shift), v(vs, shift), grad(grads, shift);
    const Array<T> out(Values(qs.size(), 42), shift);
    const Array<Wide<T>> lse(rows);
    adj_attention_args args = {};
    args.q = q.get();
    args.k = k.get();
    args.v = v.get();
    args.out = out.get();
    args.log_sum_exp = lse.get();
    set_problem(args, p);
    p.strides(p.tq, args.q_strides);
    p.strides(p.tk, args.k_strides);
    p.strides(p.tk, args.v_strides);
    p.strides(p.tq, args.out_strides);
    const Launch l = {blocks, kernels.block, 0};
    /* Weights, which are 1 together, are rounded once; what is computed in F32 hardly shows. */
    const double units = !IS_HALF<T> ? 32 : kernels.rounds ? 1 : 0.01;
    launch(kernels.name, kernels.forward, args, l);
    expect("attention", outs, out, units);
    expect("logsumexp", lses, lse, 32);

    const Array<T> right_out(stored_outs, shift);
    const Array<Wide<T>> right_lse(lses), delta(rows);
    const Array<T> grad_q(Values(qs.size(), 42), shift);
    const Array<T> grad_k(Values(ks.size(), 42), shift), grad_v(Values(ks.size(), 42), shift);
    adj_attention_grad_args g = {};
    g.grad = grad.get();
    g.q = q.get();
    g.k = k.get();
    g.v = v.get();
    g.out = right_out.get();
    g.log_sum_exp = right_lse.get();
    g.grad_q = grad_q.get();
    g.grad_k = grad_k.get();
    g.grad_v = grad_v.get();
    g.scratch = delta.get();
    set_problem(g, p);
    p.strides(p.tq, g.grad_strides);
    p.strides(p.tq, g.q_strides);
    p.strides(p.tk, g.k_strides);
    p.strides(p.tk, g.v_strides);
    p.strides(p.tq, g.out_strides);
    p.strides(p.tq, g.grad_q_strides);
    p.strides(p.tk, g.grad_k_strides);
    p.strides(p.tk, g.grad_v_strides);
    launch(kernels.name, kernels.delta, g, {blocks, 256, 0});
    launch(kernels.name, kernels.grad, g, l);
    launch(kernels.name, kernels.grad_q, g, l);
    const double grad_units = 2 * units * (1 + std::sqrt(static_cast<double>(p.tq)) / 4);
    expect("grad_q", grad_qs, grad_q, grad_units);
    expect("grad_k", grad_ks, grad_k, grad_units);
    expect("grad_v", grad_vs, grad_v, grad_units);
}

template <class T>
void test_attention(const Kernels& kernels) {
    for (const bool causal : {false, true}) {
        for (const Order order : {HEADS_FIRST, TIME_FIRST, PACKED}) {
            test_attention<T>(kernels, {2, 2, 9, 9, 16, causal, order}, 4);
        }
        test_attention<T>(kernels, {1, 2, 1, 70, 17, causal, HEADS_FIRST}, 1);
        test_attention<T>(kernels, {1, 1, 70, 4, causal ? 65 : 33, causal, PACKED}, 3);
        test_attention<T>(kernels, {1, 1, 130, 97, 40, causal, TIME_FIRST}, 2, 1);
        test_attention<T>(kernels, {1, 1, 97, 130, causal ? 64 : 128, causal, PACKED}, 2);
        test_attention<T>(kernels, {1, 1, 3, 0, 5, causal, TIME_FIRST}, 1);
        test_attention<T>(kernels, {1, 1, 0, 3, 5, causal, TIME_FIRST}, 1);
        test_attention<T>(kernels, {1, 1, 6, 5, 200, causal, TIME_FIRST}, 7);
    }
}

}  // namespace

int main() {
    sim::memory().open();
    test_attention<float>(F32);
    test_attention<double>(F64);
    for (const Kernels& kernels : BF16) {
        test_attention<__nv_bfloat16>(kernels);
    }
    for (const Kernels& kernels : F16) {
        test_attention<__half>(kernels);
    }
    return report();
}
