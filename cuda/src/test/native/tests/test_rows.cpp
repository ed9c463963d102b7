/*
 * Softmax, norms, cross-entropy and attention on the simulated device, against plain loops in
 * float64. The contract on the Java side covers values and layouts; here the launches vary: teams of
 * every size, with and without room in shared memory, several rows for each team.
 */
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <initializer_list>
#include <limits>
#include <vector>

#include "cuda_args.h"
#include "executor.h"
#include "memory.h"

#define KERNELS(X)                                          \
    X(adj_softmax, adj_softmax_rows_args)                   \
    X(adj_log_softmax, adj_softmax_rows_args)               \
    X(adj_softmax_grad, adj_softmax_grad_rows_args)         \
    X(adj_log_softmax_grad, adj_softmax_grad_rows_args)     \
    X(adj_layer_norm, adj_norm_rows_args)                   \
    X(adj_rms_norm, adj_norm_rows_args)                     \
    X(adj_layer_norm_grad, adj_norm_grad_rows_args)         \
    X(adj_rms_norm_grad, adj_norm_grad_rows_args)           \
    X(adj_norm_grad_join, adj_norm_grad_rows_args)          \
    X(adj_cross_entropy, adj_cross_entropy_rows_args)       \
    X(adj_cross_entropy_grad, adj_cross_entropy_grad_rows_args)\
    X(adj_attention, adj_attention_args)                    \
    X(adj_attention_grad_delta, adj_attention_grad_args)    \
    X(adj_attention_grad, adj_attention_grad_args)          \
    X(adj_attention_grad_q, adj_attention_grad_args)

#define DECLARE(name, Args)                  \
    extern "C" void name##_f32(const Args&); \
    extern "C" void name##_f64(const Args&);
KERNELS(DECLARE)

namespace {

using Values = std::vector<double>;

constexpr double NONE = -std::numeric_limits<double>::infinity();
constexpr double NOT_A_NUMBER = std::numeric_limits<double>::quiet_NaN();

int failures = 0;

struct Launch {
    int64_t grid;
    int block;
    size_t shared;
};

template <class Args>
void launch(const char* name, void (*function)(const Args&), const Args& args,
            const Launch& l) {
    if (l.grid == 0) {
        return;
    }
    const sim::Kernel kernel = {name, reinterpret_cast<void (*)(const void*)>(
                                    reinterpret_cast<void (*)()>(function)),
                                sizeof(Args)};
    const sim::Result result =
        sim::launch(kernel, &args, {static_cast<unsigned>(l.grid), 1, 1},
                    {static_cast<unsigned>(l.block), 1, 1}, l.shared, 0);
    if (result != sim::SUCCESS) {
        printf("%s: launch failed with %d\n", name, result);
        failures++;
    }
}

#define RUN(name, Args)                                                  \
    template <class T>                                                   \
    void run_##name(const Args& args, const Launch& l) {                 \
        launch(#name, sizeof(T) == 4 ? name##_f32 : name##_f64, args, l); \
    }
KERNELS(RUN)

/* Device memory with `shift` elements before the first. */
template <class T>
class Array {
   public:
    explicit Array(size_t n, size_t shift = 0)
        : n_(n), block_(sim::memory().allocate((n + shift) * sizeof(T), 0)),
          first_(reinterpret_cast<T*>(block_) + shift) {
    }
    explicit Array(const Values& values, size_t shift = 0) : Array(values.size(), shift) {
        for (size_t i = 0; i < n_; i++) {
            first_[i] = static_cast<T>(values[i]);
        }
    }
    Array(const Array&) = delete;
    Array& operator=(const Array&) = delete;
    ~Array() {
        sim::memory().release(block_);
    }
    T* get() const {
        return first_;
    }
    Values values() const {
        return Values(first_, first_ + n_);
    }

   private:
    size_t n_;
    uintptr_t block_;
    T* first_;
};

Values uniform(size_t n, double low, double high, unsigned seed) {
    uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
    Values values(n);
    for (double& v : values) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        v = static_cast<float>(low + (high - low) * static_cast<double>(state >> 11) * 0x1p-53);
    }
    return values;
}

/* Within `units` roundoffs of T. */
template <class T>
void expect(const char* what, const Values& wanted, const Array<T>& array, double units) {
    const double tolerance = units * (sizeof(T) == 4 ? 0x1p-24 : 0x1p-52);
    const Values got = array.values();
    for (size_t i = 0; i < wanted.size(); i++) {
        const bool same = wanted[i] == got[i] || (std::isnan(wanted[i]) && std::isnan(got[i]));
        if (!same && !(std::fabs(wanted[i] - got[i]) <= tolerance)) {
            printf("%s<%zu>: element %zu is %.9g instead of %.9g\n", what, sizeof(T), i, got[i],
                   wanted[i]);
            failures++;
            return;
        }
    }
}

/* ---- rows ---- */

struct Shape {
    int64_t rows;
    int64_t cols;
    size_t size() const {
        return static_cast<size_t>(rows * cols);
    }
};

struct Teams {
    int64_t team;
    int block;
    bool keeps;

    /* Where all kernels' rows have room in shared memory. */
    template <class T>
    bool fit(const Shape& shape) const {
        return launch<T>(shape, 1, 4).shared <= sim::MAX_STATIC_SHARED;
    }
    template <class T>
    adj_rows rows(const Shape& shape) const {
        const int64_t width = 16 / sizeof(T);
        const int64_t pitch = (shape.cols + 2 * width - 2) / width * width;
        return {team, keeps ? pitch : 0};
    }
    template <class T>
    Launch launch(const Shape& shape, int64_t blocks, int64_t kept) const {
        const int64_t bytes = rows<T>(shape).pitch * kept * (block / team) * int64_t{sizeof(T)};
        return {blocks, block, static_cast<size_t>(bytes)};
    }
};

/* f(row, values) for each row of a copy of x. */
Values each_row(const Shape& shape, Values x, const std::function<void(int64_t, double*)>& f) {
    for (int64_t r = 0; r < shape.rows; r++) {
        f(r, x.data() + r * shape.cols);
    }
    return x;
}

double max_of(const double* x, int64_t n) {
    double most = NONE;
    for (int64_t i = 0; i < n; i++) {
        most = x[i] > most || std::isnan(x[i]) ? x[i] : most;
    }
    return most;
}

double sum_exp(const double* x, int64_t n, double most) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        sum += std::exp(x[i] - most);
    }
    return sum;
}

Values softmax(const Shape& shape, const Values& x, bool log) {
    return each_row(shape, x, [&](int64_t, double* row) {
        const double most = max_of(row, shape.cols);
        const double sum = sum_exp(row, shape.cols, most);
        for (int64_t i = 0; i < shape.cols; i++) {
            const double below = row[i] - most;
            row[i] = log ? below - std::log(sum) : std::exp(below) / sum;
        }
    });
}

template <class T>
void test_softmax(const Shape& shape, const Teams& teams, const Values& values, size_t shift) {
    const Array<T> x(values, shift);
    const Array<T> out(shape.size(), shift);
    const adj_softmax_rows_args args = {{x.get(), out.get(), shape.rows, shape.cols},
                                        teams.rows<T>(shape)};
    const Launch l = teams.launch<T>(shape, 2, 1);
    run_adj_softmax<T>(args, l);
    expect("softmax", softmax(shape, values, false), out, 8);
    run_adj_log_softmax<T>(args, l);
    expect("log_softmax", softmax(shape, values, true), out, 1000);
}

template <class T>
void test_softmax_grad(const Shape& shape, const Teams& teams, size_t shift) {
    const Values grads = uniform(shape.size(), -1, 1, 1);
    const double share = 2 / static_cast<double>(shape.cols);
    for (const bool log : {false, true}) {
        const Values ys = log ? uniform(shape.size(), std::log(share) - 1, std::log(share), 2)
                              : uniform(shape.size(), 0, share, 2);
        const Array<T> grad(grads); /* its packets lie elsewhere than those of y */
        const Array<T> y(ys, shift);
        const Array<T> out(shape.size(), shift);
        const adj_softmax_grad_rows_args args = {
            {grad.get(), y.get(), out.get(), shape.rows, shape.cols}, teams.rows<T>(shape)};
        const Launch l = teams.launch<T>(shape, 2, 2);
        log ? run_adj_log_softmax_grad<T>(args, l) : run_adj_softmax_grad<T>(args, l);
        const Values wanted = each_row(shape, grads, [&](int64_t r, double* g) {
            const double* p = ys.data() + r * shape.cols;
            double sum = 0;
            for (int64_t i = 0; i < shape.cols; i++) {
                sum += log ? g[i] : g[i] * p[i];
            }
            for (int64_t i = 0; i < shape.cols; i++) {
                g[i] = log ? g[i] - std::exp(p[i]) * sum : p[i] * (g[i] - sum);
            }
        });
        expect(log ? "log_softmax_grad" : "softmax_grad", wanted, out, 16);
    }
}

template <class T>
void test_norm(const Shape& shape, const Teams& teams, size_t shift, bool centred, bool columns) {
    const auto n = static_cast<double>(shape.cols);
    const auto cols = static_cast<size_t>(shape.cols);
    const Values xs = uniform(shape.size(), 98, 102, 1);
    const Values ws = columns ? uniform(cols, -2, 2, 2) : Values(cols, 1);
    const Values bs = columns && centred ? uniform(cols, -2, 2, 3) : Values(cols, 0);
    const Array<T> x(xs, shift);
    const Array<T> weight(ws);
    const Array<T> bias(bs);
    const Array<T> out(shape.size(), shift);
    const Array<T> mean(static_cast<size_t>(shape.rows));
    const Array<T> rstd(static_cast<size_t>(shape.rows));
    adj_norm_rows_args args = {};
    args.block = {x.get(),    nullptr,    nullptr,    out.get(), centred ? mean.get() : nullptr,
                  rstd.get(), shape.rows, shape.cols, 1e-5};
    if (columns) {
        args.block.weight = weight.get();
        args.block.bias = centred ? bias.get() : nullptr;
    }
    args.rows = teams.rows<T>(shape);
    const Launch l = teams.launch<T>(shape, 2, 1);
    centred ? run_adj_layer_norm<T>(args, l) : run_adj_rms_norm<T>(args, l);
    Values means;
    Values rstds;
    const Values wanted = each_row(shape, xs, [&](int64_t, double* row) {
        long double sum = 0; /* more exact than what is tested */
        double squares = 0;
        for (int64_t i = 0; centred && i < shape.cols; i++) {
            sum += row[i];
        }
        const auto m = static_cast<double>(sum / static_cast<long double>(shape.cols));
        for (int64_t i = 0; i < shape.cols; i++) {
            squares += (row[i] - m) * (row[i] - m);
        }
        means.push_back(m);
        rstds.push_back(1 / std::sqrt(squares / n + 1e-5));
        for (size_t i = 0; i < cols; i++) {
            row[i] = (row[i] - m) * rstds.back() * ws[i] + bs[i];
        }
    });
    expect(centred ? "layer_norm" : "rms_norm", wanted, out, shape.cols < 8 ? 30000 : 400);
    expect("rstd", rstds, rstd, shape.cols < 8 ? 30000 : 16);
    if (centred) {
        expect("mean", means, mean, 200);
    }
}

template <class T>
void test_norm_grad(const Shape& shape, const Teams& teams, size_t shift, bool centred,
                    bool weighted) {
    const auto n = static_cast<double>(shape.cols);
    const auto rows = static_cast<size_t>(shape.rows);
    const auto cols = static_cast<size_t>(shape.cols);
    const Values grads = uniform(shape.size(), -1, 1, 1);
    const Values xs = uniform(shape.size(), -2, 2, 2);
    const Values ws = weighted ? uniform(cols, -2, 2, 3) : Values(cols, 1);
    const Values means = centred ? uniform(rows, -0.5, 0.5, 4) : Values(rows, 0);
    const Values rstds = uniform(rows, 0.5, 2, 5);
    const Array<T> grad(grads, shift);
    const Array<T> x(xs, shift);
    const Array<T> weight(ws);
    const Array<T> mean(means);
    const Array<T> rstd(rstds);
    const Array<T> grad_x(shape.size(), shift);
    const Array<T> grad_weight(cols);
    const Array<T> grad_bias(cols);
    const int64_t part_rows = 2 * teams.block / teams.team + 1;
    const int64_t parts = (shape.rows + part_rows - 1) / part_rows;
    const Array<T> scratch(static_cast<size_t>(parts) * 2 * cols);
    adj_norm_grad_rows_args args = {};
    args.block = {grad.get(),
                  x.get(),
                  weighted ? weight.get() : nullptr,
                  centred ? mean.get() : nullptr,
                  rstd.get(),
                  grad_x.get(),
                  grad_weight.get(),
                  centred ? grad_bias.get() : nullptr,
                  scratch.get(),
                  shape.rows,
                  shape.cols};
    args.rows = teams.rows<T>(shape);
    args.part_rows = part_rows;
    const Launch l = teams.launch<T>(shape, parts, 4);
    centred ? run_adj_layer_norm_grad<T>(args, l) : run_adj_rms_norm_grad<T>(args, l);
    run_adj_norm_grad_join<T>(args, {(2 * shape.cols + 31) / 32, 256, 0});
    Values of_weight(cols);
    Values of_bias(cols);
    const Values of_x = each_row(shape, grads, [&](int64_t r, double* g) {
        const double* const row = xs.data() + r * shape.cols;
        const auto at = static_cast<size_t>(r);
        double mean_g = 0;
        double mean_gh = 0;
        for (size_t i = 0; i < cols; i++) {
            const double h = (row[i] - means[at]) * rstds[at];
            of_weight[i] += g[i] * h;
            of_bias[i] += g[i];
            mean_g += centred ? g[i] * ws[i] / n : 0;
            mean_gh += g[i] * ws[i] * h / n;
        }
        for (size_t i = 0; i < cols; i++) {
            const double h = (row[i] - means[at]) * rstds[at];
            g[i] = rstds[at] * (g[i] * ws[i] - mean_g - h * mean_gh);
        }
    });
    expect(centred ? "layer_norm_grad" : "rms_norm_grad", of_x, grad_x, 100);
    expect("grad_weight", of_weight, grad_weight, 16 + 8.0 * static_cast<double>(rows));
    if (centred) {
        expect("grad_bias", of_bias, grad_bias, 16 + 8.0 * static_cast<double>(rows));
    }
}

/* ---- cross-entropy ---- */

template <class T>
void test_cross_entropy(const Shape& shape, const Teams& teams, size_t shift, bool invalid) {
    constexpr int64_t IGNORED = -100;
    const auto rows = static_cast<size_t>(shape.rows);
    const Values xs = uniform(shape.size(), -30, 30, 1);
    Values target_values(rows);
    for (size_t r = 0; r < rows; r++) {
        const size_t target = r * 7 % static_cast<size_t>(shape.cols);
        target_values[r] = r % 3 == 2 ? IGNORED : static_cast<double>(target);
    }
    if (invalid) {
        target_values[rows - 1] = static_cast<double>(shape.cols);
    }
    const Array<T> logits(xs, shift);
    const Array<int64_t> targets(target_values);
    const Array<T> losses(Values(rows, 42));
    const Array<T> log_sum_exp(Values(rows, 42));
    const Array<int64_t> error(Values(1, 0));
    adj_cross_entropy_rows_args args = {};
    args.block = {logits.get(), targets.get(), losses.get(), log_sum_exp.get(),
                  shape.rows,   shape.cols,    IGNORED};
    args.error = {error.get(), 7};
    args.rows = teams.rows<T>(shape);
    run_adj_cross_entropy<T>(args, teams.launch<T>(shape, 2, 0));
    Values wanted_losses(rows, 42);
    Values wanted_lse(rows, 42);
    each_row(shape, xs, [&](int64_t r, double* row) {
        const auto at = static_cast<size_t>(r);
        const auto target = static_cast<int64_t>(target_values[at]);
        if (target != shape.cols) {
            const double most = max_of(row, shape.cols);
            wanted_lse[at] = most + std::log(sum_exp(row, shape.cols, most));
            wanted_losses[at] = target == IGNORED ? 0 : wanted_lse[at] - row[target];
        }
    });
    expect("cross_entropy", wanted_losses, losses, 500);
    expect("log_sum_exp", wanted_lse, log_sum_exp, 500);
    expect("error word", Values(1, invalid ? 7 : 0), error, 0);

    const Values grads = uniform(rows, -1, 1, 2);
    const Array<T> grad(grads);
    const Array<T> lse(wanted_lse);
    const Array<T> out(Values(shape.size(), 42), shift);
    const Array<int64_t> no_error(Values(1, 0));
    adj_cross_entropy_grad_rows_args grad_args = {};
    grad_args.block = {grad.get(), logits.get(), targets.get(), lse.get(), out.get(),
                       1,          shape.rows,   shape.cols,    IGNORED};
    grad_args.error = {no_error.get(), 7};
    grad_args.rows = teams.rows<T>(shape);
    run_adj_cross_entropy_grad<T>(grad_args, teams.launch<T>(shape, 2, 0));
    const Values wanted = each_row(shape, xs, [&](int64_t r, double* row) {
        const auto at = static_cast<size_t>(r);
        const auto target = static_cast<int64_t>(target_values[at]);
        for (int64_t i = 0; i < shape.cols; i++) {
            const double p = std::exp(row[i] - wanted_lse[at]) - (i == target ? 1 : 0);
            row[i] = target == shape.cols ? 42 : target == IGNORED ? 0 : grads[at] * p;
        }
    });
    expect("cross_entropy_grad", wanted, out, 100);
    expect("error word", Values(1, invalid ? 7 : 0), no_error, 0);
}

/* ---- attention ---- */

struct Problem {
    int64_t batch, heads, tq, tk, d;
    bool causal;
    bool permuted; /* [B, T, H, D] in memory */

    size_t size(int64_t length) const {
        return static_cast<size_t>(batch * heads * length * d);
    }
    void strides(int64_t length, int64_t (&s)[3]) const {
        s[0] = heads * length * d;
        s[1] = permuted ? d : length * d;
        s[2] = permuted ? heads * d : d;
    }
    size_t at(int64_t head, int64_t length, int64_t row) const {
        int64_t s[3];
        strides(length, s);
        return static_cast<size_t>(head / heads * s[0] + head % heads * s[1] + row * s[2]);
    }
    int64_t seen(int64_t query) const {
        return causal ? std::min(tk, std::max<int64_t>(0, query + 1 + tk - tq)) : tk;
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
void test_attention(const Problem& p, int64_t blocks) {
    const Values qs = uniform(p.size(p.tq), -1, 1, 1);
    const Values ks = uniform(p.size(p.tk), -1, 1, 2);
    const Values vs = uniform(p.size(p.tk), -1, 1, 3);
    const Values grads = uniform(p.size(p.tq), -1, 1, 4);
    const auto rows = static_cast<size_t>(p.batch * p.heads * p.tq);
    Values outs(qs.size());
    Values lses(rows, NONE);
    Values grad_qs(qs.size());
    Values grad_ks(ks.size());
    Values grad_vs(ks.size());
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
            const double delta = dot(grads, q, outs, q, p.d);
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
    const Array<T> q(qs), k(ks), v(vs), grad(grads);
    const Array<T> out(qs.size());
    const Array<T> lse(rows);
    adj_attention_args args = {};
    args.q = q.get();
    args.k = k.get();
    args.v = v.get();
    args.out = out.get();
    args.log_sum_exp = lse.get();
    args.batch = p.batch;
    args.heads = p.heads;
    args.tq = p.tq;
    args.tk = p.tk;
    args.d = p.d;
    args.causal = p.causal;
    args.scale = SCALE;
    p.strides(p.tq, args.q_strides);
    p.strides(p.tk, args.k_strides);
    p.strides(p.tk, args.v_strides);
    p.strides(p.tq, args.out_strides);
    run_adj_attention<T>(args, {blocks, 256, 0});
    expect("attention", outs, out, 32);
    expect("logsumexp", lses, lse, 32);

    const Array<T> right_out(outs), right_lse(lses), delta(rows);
    const Array<T> grad_q(qs.size()), grad_k(ks.size()), grad_v(ks.size());
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
    g.batch = p.batch;
    g.heads = p.heads;
    g.tq = p.tq;
    g.tk = p.tk;
    g.d = p.d;
    g.causal = p.causal;
    g.scale = SCALE;
    p.strides(p.tq, g.grad_strides);
    p.strides(p.tq, g.q_strides);
    p.strides(p.tk, g.k_strides);
    p.strides(p.tk, g.v_strides);
    p.strides(p.tq, g.out_strides);
    p.strides(p.tq, g.grad_q_strides);
    p.strides(p.tk, g.grad_k_strides);
    p.strides(p.tk, g.grad_v_strides);
    run_adj_attention_grad_delta<T>(g, {blocks, 256, 0});
    run_adj_attention_grad<T>(g, {blocks, 256, 0});
    run_adj_attention_grad_q<T>(g, {blocks, 256, 0});
    const double units = 64 * (1 + std::sqrt(static_cast<double>(p.tq)) / 4);
    expect("grad_q", grad_qs, grad_q, units);
    expect("grad_k", grad_ks, grad_k, units);
    expect("grad_v", grad_vs, grad_v, units);
}

template <class T>
void test_rows() {
    const Teams all_teams[] = {{1, 32, true},   {4, 64, true},    {32, 64, true},
                               {32, 64, false}, {128, 128, true}, {128, 128, false}};
    for (const Teams& teams : all_teams) {
        for (const int64_t cols : {1, 33, 130, 260}) {
            for (const int64_t rows : {0, 7, 50}) {
                const Shape shape = {rows, cols};
                if (!teams.fit<T>(shape)) {
                    continue;
                }
                for (const size_t shift : {0u, 1u}) {
                    test_softmax<T>(shape, teams, uniform(shape.size(), -40, 40, 1), shift);
                    test_softmax_grad<T>(shape, teams, shift);
                    test_norm<T>(shape, teams, shift, shift == 0, rows != 7);
                    test_norm<T>(shape, teams, shift, shift != 0, rows == 7);
                    if (rows > 0) {
                        test_cross_entropy<T>(shape, teams, shift, rows == 7);
                    }
                    if (teams.keeps || teams.team == teams.block) {
                        test_norm_grad<T>(shape, teams, shift, shift == 0, rows != 7);
                        test_norm_grad<T>(shape, teams, shift, shift != 0, rows == 7);
                    }
                }
            }
        }
        const Shape two = {2, 19};
        const double inf = -NONE;
        for (const double special : {NOT_A_NUMBER, inf, NONE}) {
            Values one = uniform(two.size(), -1, 1, 1);
            one[21] = special;
            test_softmax<T>(two, teams, one, 0);
        }
        test_softmax<T>(two, teams, Values(two.size(), NONE), 0);
        test_softmax<T>(two, teams, Values(two.size(), 1e30), 1);
        test_softmax<T>(two, teams, Values(two.size(), -1e30), 1);
    }
}

template <class T>
void test_attention() {
    for (const bool causal : {false, true}) {
        for (const bool permuted : {false, true}) {
            test_attention<T>({2, 3, 9, 9, 16, causal, permuted}, 6);
            test_attention<T>({1, 2, 1, 70, 17, causal, permuted}, 1);
            test_attention<T>({1, 2, 70, 4, 65, causal, permuted}, 3);
            test_attention<T>({1, 1, 130, 97, 40, causal, permuted}, 5);
            test_attention<T>({1, 1, 3, 0, 5, causal, permuted}, 1);
            test_attention<T>({1, 1, 0, 3, 5, causal, permuted}, 1);
            test_attention<T>({1, 1, 6, 5, 200, causal, permuted}, 7);
        }
    }
}

}  // namespace

int main() {
    sim::memory().open();
    test_rows<float>();
    test_rows<double>();
    test_attention<float>();
    test_attention<double>();
    printf("%d failures, %llu launches\n", failures,
           static_cast<unsigned long long>(sim::counts().launches));
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
