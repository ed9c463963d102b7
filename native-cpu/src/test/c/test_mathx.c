/* Accuracy of mathx.h against long double libm, in ulp. */
#include "check.h"
#include "mathx.h"

typedef long double real;

static real sigmoid_reference(real x) {
    return 1 / (1 + expl(-x));
}
static real normal_cdf_reference(real x) {
    return erfcl(-x * sqrtl(0.5L)) / 2;
}

/* One entry per function: the largest error seen, and what is promised. */
typedef struct {
    const char* name;
    real (*reference)(real);
    float (*f32)(float);
    double (*f64)(double);
    double ulps;
    /* Also allowed: this many times 2^-24 or 2^-53, absolutely. */
    double absolute;
} function;

#define WRAP(name)                       \
    static float name##_f32(float x) {   \
        return math_##name##_f32(x);     \
    }                                    \
    static double name##_f64(double x) { \
        return math_##name##_f64(x);     \
    }
WRAP(exp)
WRAP(log)
WRAP(tanh)
WRAP(sigmoid)
WRAP(erf)
WRAP(normal_cdf)

static const function functions[] = {
    {"exp", expl, exp_f32, exp_f64, 4, 0},
    {"log", logl, log_f32, log_f64, 4, 0},
    {"tanh", tanhl, tanh_f32, tanh_f64, 4, 0},
    {"sigmoid", sigmoid_reference, sigmoid_f32, sigmoid_f64, 4, 0},
    {"erf", erfl, erf_f32, erf_f64, 4, 0},
    {"normal_cdf", normal_cdf_reference, normal_cdf_f32, normal_cdf_f64, 4, 4},
};
enum { FUNCTIONS = sizeof functions / sizeof functions[0] };

static double worst[FUNCTIONS][2];

static void check_f32(int f, float x) {
    const real expected = functions[f].reference(x);
    const float actual = functions[f].f32(x);
    const float rounded = (float)expected;
    if (isnan(rounded) || isinf(rounded)) {
        CHECK(check_near(actual, rounded, 0), "%s_f32(%a) = %a", functions[f].name, x, actual);
        return;
    }
    const double error = (double)fabsl(actual - expected);
    const double ulps = error / check_ulp_f32((double)expected);
    const int close = error <= functions[f].absolute * 0x1p-24;
    if (!close && ulps > worst[f][0]) {
        worst[f][0] = ulps;
    }
    CHECK(close || ulps <= functions[f].ulps, "%s_f32(%a) = %a: %.2f ulp", functions[f].name, x,
          actual, ulps);
}

static void check_f64(int f, double x) {
    const real expected = functions[f].reference(x);
    const double actual = functions[f].f64(x);
    const double rounded = (double)expected;
    if (isnan(rounded) || isinf(rounded)) {
        CHECK(check_near(actual, rounded, 0), "%s_f64(%a) = %a", functions[f].name, x, actual);
        return;
    }
    const real error = fabsl(actual - expected);
    const double ulps = (double)(error / (real)check_ulp_f64(rounded));
    const int close = error <= functions[f].absolute * 0x1p-53L;
    if (!close && ulps > worst[f][1]) {
        worst[f][1] = ulps;
    }
    CHECK(close || ulps <= functions[f].ulps, "%s_f64(%a) = %a: %.2f ulp", functions[f].name, x,
          actual, ulps);
}

int main(int argc, char** argv) {
    /* Every stride-th float; the argument 1 tries all of them, in some ten minutes. */
    const uint32_t stride = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 0) : 9973;
    static const double special[] = {0.0,       -0.0,      INFINITY, -INFINITY, NAN,
                                     0x1p-149,  -0x1p-149, 0x1p-126, 0x1p-1074, -0x1p-1074,
                                     0x1p-1022, FLT_MAX,   -FLT_MAX, DBL_MAX,   -DBL_MAX};
    for (int f = 0; f < FUNCTIONS; f++) {
        for (size_t i = 0; i < sizeof special / sizeof special[0]; i++) {
            check_f32(f, (float)special[i]);
            check_f64(f, special[i]);
        }
        for (uint64_t bits = 0; bits <= UINT32_MAX; bits += stride) {
            check_f32(f, math_from_bits_f32((uint32_t)bits));
        }
        for (int i = 0; i < 100000; i++) {
            check_f64(f, math_from_bits_f64(check_random()));
            check_f64(f, check_uniform(-2, 2));
            check_f64(f, check_uniform(-40, 40));
            check_f64(f, check_uniform(-750, 750));
        }
        printf("%s: %.2f ulp (f32), %.2f ulp (f64)\n", functions[f].name, worst[f][0], worst[f][1]);
    }
    return check_report("mathx");
}
