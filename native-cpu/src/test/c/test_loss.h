/* A template, see vector.h. */
#include "test_real.h"

adj_kernel NAME(adj_cross_entropy), NAME(adj_cross_entropy_grad);

static void NAME(check_cross_entropy)(int64_t rows, int64_t classes, int64_t ignored) {
    const int64_t n = rows * classes;
    REAL* logits = NAME(random_block)(n, -20, 20);
    int64_t* targets = check_block((size_t)rows * sizeof(int64_t));
    for (int64_t r = 0; r < rows; r++) {
        targets[r] = r % 4 == 3 ? ignored : (int64_t)(check_random() % (uint64_t)classes);
    }
    REAL* losses = NAME(random_block)(rows, 0, 0);
    REAL* log_sum_exp = NAME(block)(2 * rows);
    REAL* grad = NAME(random_block)(rows, -2, 2);
    REAL* out = NAME(random_block)(n, 0, 0);
    const int32_t status = NAME(run)(
        NAME(adj_cross_entropy),
        &(adj_cross_entropy_args){logits, targets, losses, log_sum_exp, classes, rows, classes,
                                  ignored},
        losses, rows);
    CHECK(status == ADJ_OK, "status");
    const int64_t grad_stride = classes % 2;
    NAME(run)(NAME(adj_cross_entropy_grad),
              &(adj_cross_entropy_grad_args){grad, logits, targets, log_sum_exp, out, grad_stride,
                                             classes, classes, rows, classes, ignored},
              out, n);
    for (int64_t r = 0; r < rows; r++) {
        const REAL* x = logits + r * classes;
        /* In long double: for f64, double would be no better than what it checks. */
        long double sum = 0;
        for (int64_t i = 0; i < classes; i++) {
            sum += expl(x[i]);
        }
        const bool counts = targets[r] != ignored;
        const double expected = counts ? (double)(logl(sum) - x[targets[r]]) : 0;
        const double log_all = (double)log_sum_exp[2 * r] + (double)log_sum_exp[2 * r + 1];
        CHECK(check_near(log_all, (double)logl(sum), 60 * NAME(EPSILON)), "log_sum_exp");
        CHECK(check_near((double)losses[r], expected, 120 * NAME(EPSILON)), "loss %g %g",
              (double)losses[r], expected);
        for (int64_t i = 0; i < classes; i++) {
            const double p = exp((double)x[i] - log_all);
            const double g = (double)grad[r * grad_stride] * (p - (i == targets[r]));
            CHECK(check_near((double)out[r * classes + i], counts ? g : 0,
                             200 * NAME(EPSILON) * (p + (i == targets[r])) + 1e-44),
                  "gradient %g %g", (double)out[r * classes + i], g);
        }
    }
    free(logits);
    free(targets);
    free(losses);
    free(log_sum_exp);
    free(grad);
    free(out);
}

static void NAME(test_refusals)(void) {
    const REAL logits[6] = {1, 2, 3, 4, 5, 6};
    const int64_t bad[] = {-1, 3, INT64_MIN, INT64_MAX};
    for (int i = 0; i < 4; i++) {
        const int64_t targets[2] = {0, bad[i]};
        REAL losses[2] = {7, 7};
        REAL log_sum_exp[4] = {7, 7, 7, 7};
        REAL out[6] = {7, 7, 7, 7, 7, 7};
        const adj_cross_entropy_args forward = {logits, targets, losses, log_sum_exp, 3, 2, 3, -100};
        CHECK(NAME(adj_cross_entropy)(&forward) == ADJ_INDEX_OUT_OF_RANGE, "status");
        const adj_cross_entropy_grad_args backward = {losses, logits, targets, log_sum_exp, out,
                                                      1,      3,      3,       2,           3,
                                                      -100};
        CHECK(NAME(adj_cross_entropy_grad)(&backward) == ADJ_INDEX_OUT_OF_RANGE, "status");
        CHECK(losses[0] == 7 && log_sum_exp[0] == 7 && out[0] == 7, "written");
    }
}

static void NAME(test_infinities)(void) {
    enum { N = 1200 };
    REAL* x = NAME(block)(N);
    const int64_t target = N - 1;
    REAL loss, log_sum_exp[2];
    const adj_cross_entropy_args args = {x, &target, &loss, log_sum_exp, N, 1, N, -1};
    for (int i = 0; i < N; i++) {
        x[i] = (REAL)-INFINITY;
    }
    NAME(adj_cross_entropy)(&args);
    CHECK(isnan(loss), "all -inf");
    x[N - 1] = 2;
    NAME(adj_cross_entropy)(&args);
    CHECK(loss == 0 && log_sum_exp[0] == 2 && log_sum_exp[1] == 0, "one class is possible");
    x[0] = (REAL)NAN;
    NAME(adj_cross_entropy)(&args);
    CHECK(isnan(loss), "NaN among -inf");
    free(x);
}

/* An offset of all logits changes nothing: 2^20 + 1 is exact in float, and so are differences. */
static void NAME(test_offset)(void) {
    const REAL offsets[] = {0, 0x1p20f, -0x1p20f, 0x1p22f};
    const int64_t target = 0;
    for (int i = 0; i < 4; i++) {
        const REAL x[3] = {offsets[i], offsets[i] + 1, offsets[i]};
        const REAL grad = 1;
        REAL loss, log_sum_exp[2], out[3];
        NAME(adj_cross_entropy)
        (&(adj_cross_entropy_args){x, &target, &loss, log_sum_exp, 3, 1, 3, -1});
        NAME(adj_cross_entropy_grad)
        (&(adj_cross_entropy_grad_args){&grad, x, &target, log_sum_exp, out, 1, 3, 3, 1, 3, -1});
        CHECK(check_near((double)loss, 1.5514447139320511, 1e-6), "loss %g", (double)loss);
        CHECK(check_near((double)out[0], -0.7880584423829146, 1e-6), "%g", (double)out[0]);
        CHECK(check_near((double)out[1], 0.5761168847658291, 1e-6), "%g", (double)out[1]);
        CHECK(check_near((double)out[2], 0.21194155761708547, 1e-6), "%g", (double)out[2]);
    }
}

/* So large that the gradient goes past the caches: the same bits as in parts that do not. */
static void NAME(test_large)(void) {
    enum { ROWS = 1200, PART = ROWS / 4, CLASSES = 3501 };
    const int64_t n = (int64_t)ROWS * CLASSES;
    REAL* logits = NAME(random_block)(n, -3, 3);
    REAL* grad = NAME(random_block)(ROWS, 0, 1);
    REAL* log_sum_exp = NAME(random_block)(2 * ROWS, 4, 5);
    int64_t* targets = check_block(ROWS * sizeof(int64_t));
    for (int r = 0; r < ROWS; r++) {
        targets[r] = r;
    }
    REAL* whole = NAME(block)(n);
    REAL* parts = NAME(block)(n);
    NAME(adj_cross_entropy_grad)(&(adj_cross_entropy_grad_args){
        grad, logits, targets, log_sum_exp, whole, 1, CLASSES, CLASSES, ROWS, CLASSES, 7});
    for (int64_t r = 0; r < ROWS; r += PART) {
        NAME(adj_cross_entropy_grad)(&(adj_cross_entropy_grad_args){
            grad + r, logits + r * CLASSES, targets + r, log_sum_exp + 2 * r, parts + r * CLASSES, 1,
            CLASSES, CLASSES, PART, CLASSES, 7});
    }
    CHECK(memcmp(whole, parts, (size_t)n * sizeof(REAL)) == 0, "parts differ");
    free(logits);
    free(grad);
    free(log_sum_exp);
    free(targets);
    free(whole);
    free(parts);
}

static void NAME(test)(void) {
    NAME(test_large)();
    for (int64_t classes = 1; classes <= 67; classes++) {
        NAME(check_cross_entropy)(classes % 7, classes, -100);
        NAME(check_cross_entropy)(5, classes, classes / 2);
    }
    NAME(check_cross_entropy)(60, 1100, -1);
    NAME(test_refusals)();
    NAME(test_infinities)();
    NAME(test_offset)();
}
