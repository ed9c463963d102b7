/*
 * Softmax, norms and cross-entropy on the simulated device, against plain loops in float64. The
 * contract on the Java side covers values and layouts; here the launches vary: teams of every size,
 * with and without room in shared memory, several rows for each team.
 */
#include <algorithm>
#include <functional>
#include <initializer_list>

#include "cuda_args.h"
#include "kernels_under_test.h"

#define KERNELS(X)                                    \
    X(adj_softmax, adj_softmax_rows_args)             \
    X(adj_log_softmax, adj_softmax_rows_args)         \
    X(adj_layer_norm, adj_norm_rows_args)             \
    X(adj_rms_norm, adj_norm_rows_args)               \
    X(adj_layer_norm_grad, adj_norm_grad_rows_args)   \
    X(adj_rms_norm_grad, adj_norm_grad_rows_args)     \
    X(adj_cross_entropy, adj_cross_entropy_rows_args) \
    X(adj_cross_entropy_grad, adj_cross_entropy_grad_rows_args)

/* Those that bfloat16 does not have. */
#define WIDE_KERNELS(X)                                 \
    X(adj_softmax_grad, adj_softmax_grad_rows_args)     \
    X(adj_log_softmax_grad, adj_softmax_grad_rows_args) \
    X(adj_norm_grad_join, adj_norm_grad_rows_args)

#define DECLARE_WIDE(name, Args)             \
    extern "C" void name##_f32(const Args&); \
    extern "C" void name##_f64(const Args&);
#define DECLARE(name, Args)  \
    DECLARE_WIDE(name, Args) \
    extern "C" void name##_bf16(const Args&);
KERNELS(DECLARE)
WIDE_KERNELS(DECLARE_WIDE)

namespace {

#define RUN_WIDE(name, Args)                                              \
    template <class T>                                                    \
    void run_##name(const Args& args, const Launch& l) {                  \
        launch(#name, sizeof(T) == 4 ? name##_f32 : name##_f64, args, l); \
    }
#define RUN(name, Args)                                                   \
    template <class T>                                                    \
    void run_##name(const Args& args, const Launch& l) {                  \
        launch(#name,                                                     \
               IS_BF16<T>       ? name##_bf16                             \
               : sizeof(T) == 4 ? name##_f32                              \
                                : name##_f64,                             \
               args, l);                                                  \
    }
KERNELS(RUN)
WIDE_KERNELS(RUN_WIDE)

/* So many roundoffs of that, in those of T. */
template <class T>
constexpr double wide(double units) {
    return IS_BF16<T> ? units * 0x1p-16 : units;
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
        return launch<T>(shape, 1, 2, 2).shared <= sim::MAX_STATIC_SHARED;
    }
    template <class T>
    adj_rows rows(const Shape& shape) const {
        const int64_t width = 16 / sizeof(T);
        const int64_t pitch = (shape.cols + 2 * width - 2) / width * width;
        return {team, keeps ? pitch : 0};
    }
    template <class T>
    Launch launch(const Shape& shape, int64_t blocks, size_t kept, size_t sums = 0) const {
        const int64_t elements = rows<T>(shape).pitch * (block / team);
        const size_t bytes = kept * sizeof(T) + sums * sizeof(Wide<T>);
        return {blocks, block, static_cast<size_t>(elements) * bytes};
    }
};

/* f(row, values) for each row of a copy of x. */
Values each_row(const Shape& shape, Values x, const std::function<void(int64_t, double*)>& f) {
    for (int64_t r = 0; r < shape.rows; r++) {
        f(r, x.data() + r * shape.cols);
    }
    return x;
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
    expect("softmax", softmax(shape, x.values(), false), out, wide<T>(8));
    run_adj_log_softmax<T>(args, l);
    expect("log_softmax", softmax(shape, x.values(), true), out, wide<T>(1000));
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
    const Values ws = columns ? uniform(cols, -2, 2, 2) : Values(cols, 1);
    const Values bs = columns && centred ? uniform(cols, -2, 2, 3) : Values(cols, 0);
    const Array<T> x(uniform(shape.size(), 98, 102, 1), shift);
    const Array<Wide<T>> weight(ws);
    const Array<Wide<T>> bias(bs);
    const Array<T> out(shape.size(), shift);
    const Array<Wide<T>> mean(static_cast<size_t>(shape.rows));
    const Array<Wide<T>> rstd(static_cast<size_t>(shape.rows));
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
    const Values wanted = each_row(shape, x.values(), [&](int64_t, double* row) {
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
    expect(centred ? "layer_norm" : "rms_norm", wanted, out,
           wide<T>(shape.cols < 8 ? 30000 : 400));
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
    const Values ws = weighted ? uniform(cols, -2, 2, 3) : Values(cols, 1);
    const Values means = centred ? uniform(rows, -0.5, 0.5, 4) : Values(rows, 0);
    const Values rstds = uniform(rows, 0.5, 2, 5);
    const Array<T> grad(uniform(shape.size(), -1, 1, 1), shift);
    const Array<T> x(uniform(shape.size(), -2, 2, 2), shift);
    const Array<Wide<T>> weight(ws);
    const Array<Wide<T>> mean(means);
    const Array<Wide<T>> rstd(rstds);
    const Array<T> grad_x(shape.size(), shift);
    const Array<Wide<T>> grad_weight(cols);
    const Array<Wide<T>> grad_bias(cols);
    const int64_t part_rows = 2 * teams.block / teams.team + 1;
    const int64_t parts = (shape.rows + part_rows - 1) / part_rows;
    const Array<Wide<T>> scratch(static_cast<size_t>(parts) * 2 * cols);
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
    const Launch l = teams.launch<T>(shape, parts, 2, 2);
    centred ? run_adj_layer_norm_grad<T>(args, l) : run_adj_rms_norm_grad<T>(args, l);
    run_adj_norm_grad_join<Wide<T>>(args, {(2 * shape.cols + 31) / 32, 256, 0});
    const Values xs = x.values();
    Values of_weight(cols);
    Values of_bias(cols);
    const Values of_x = each_row(shape, grad.values(), [&](int64_t r, double* g) {
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
    expect(centred ? "layer_norm_grad" : "rms_norm_grad", of_x, grad_x, wide<T>(100));
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
    Values target_values(rows);
    for (size_t r = 0; r < rows; r++) {
        const size_t target = r * 7 % static_cast<size_t>(shape.cols);
        target_values[r] = r % 3 == 2 ? IGNORED : static_cast<double>(target);
    }
    if (invalid) {
        target_values[rows - 1] = static_cast<double>(shape.cols);
    }
    const Array<T> logits(uniform(shape.size(), -30, 30, 1), shift);
    const Array<int64_t> targets(target_values);
    const Array<Wide<T>> losses(Values(rows, 42));
    const Array<Wide<T>> log_sum_exp(Values(2 * rows, 42)); /* the largest, log of the sum */
    const Array<int64_t> error(Values(1, 0));
    adj_cross_entropy_rows_args args = {};
    args.block = {logits.get(), targets.get(), losses.get(), log_sum_exp.get(),
                  shape.cols,   shape.rows,    shape.cols,   IGNORED};
    args.error = {error.get(), 7};
    args.rows = teams.rows<T>(shape);
    run_adj_cross_entropy<T>(args, teams.launch<T>(shape, 2, 0));
    Values wanted_losses(rows, 42);
    Values wanted_lse(2 * rows, 42);
    each_row(shape, logits.values(), [&](int64_t r, double* row) {
        const auto at = static_cast<size_t>(r);
        const auto target = static_cast<int64_t>(target_values[at]);
        if (target != shape.cols) {
            const double most = max_of(row, shape.cols);
            const double log_sum = std::log(sum_exp(row, shape.cols, most));
            wanted_lse[2 * at] = most;
            wanted_lse[2 * at + 1] = log_sum;
            wanted_losses[at] = target == IGNORED ? 0 : most + log_sum - row[target];
        }
    });
    expect("cross_entropy", wanted_losses, losses, 500);
    expect("log_sum_exp", wanted_lse, log_sum_exp, 500);
    expect("error word", Values(1, invalid ? 7 : 0), error, 0);

    const Values grads = uniform(rows, -1, 1, 2);
    const Array<Wide<T>> grad(grads);
    const Array<Wide<T>> lse(wanted_lse);
    const Array<T> out(Values(shape.size(), 42), shift);
    const Array<int64_t> no_error(Values(1, 0));
    adj_cross_entropy_grad_rows_args grad_args = {};
    grad_args.block = {grad.get(), logits.get(), targets.get(), lse.get(), out.get(),
                       1,          shape.cols,   shape.cols,    shape.rows, shape.cols,
                       IGNORED};
    grad_args.error = {no_error.get(), 7};
    grad_args.rows = teams.rows<T>(shape);
    run_adj_cross_entropy_grad<T>(grad_args, teams.launch<T>(shape, 2, 0));
    const Values wanted = each_row(shape, logits.values(), [&](int64_t r, double* row) {
        const auto at = static_cast<size_t>(r);
        const auto target = static_cast<int64_t>(target_values[at]);
        for (int64_t i = 0; i < shape.cols; i++) {
            const double p = std::exp(row[i] - wanted_lse[2 * at] - wanted_lse[2 * at + 1]) - (i == target ? 1 : 0);
            row[i] = target == shape.cols ? 42 : target == IGNORED ? 0 : grads[at] * p;
        }
    });
    expect("cross_entropy_grad", wanted, out, wide<T>(100));
    expect("error word", Values(1, invalid ? 7 : 0), no_error, 0);
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
                    if constexpr (!IS_BF16<T>) {
                        test_softmax_grad<T>(shape, teams, shift);
                    }
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

}  // namespace

int main() {
    sim::memory().open();
    test_rows<float>();
    test_rows<double>();
    test_rows<__nv_bfloat16>();
    return report();
}
