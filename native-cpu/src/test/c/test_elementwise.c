/*
 * Element-wise kernels: every layout against element by element. How accurate they are is for the
 * contract of backends to say, which has the formulas.
 */
#include "kernels.h"
#include "nests.h"
#include "runtime.h"

/* ---- declarations of all kernels ---- */

#define DECLARE(symbol) int32_t symbol(const void* args)
#define ADJ_UNARY(name, forward, saved, gradient) \
    DECLARE(adj_##name##_f32);                    \
    DECLARE(adj_##name##_f64);                    \
    DECLARE(adj_##name##_grad_f32);               \
    DECLARE(adj_##name##_grad_f64);
#define DECLARE_BINARY(name, S) \
    DECLARE(adj_##name##_##S);  \
    DECLARE(adj_##name##_scalar_##S);
#define ADJ_REAL(name, e)     \
    DECLARE_BINARY(name, f32) \
    DECLARE_BINARY(name, f64)
#define ADJ_ARITHMETIC(name, e) \
    ADJ_REAL(name, e)           \
    DECLARE_BINARY(name, i32)   \
    DECLARE_BINARY(name, i64)
#define ADJ_EXTREME(name, e) ADJ_ARITHMETIC(name, e)
#define ADJ_ORDER(name, e) ADJ_ARITHMETIC(name, e)
#define ADJ_EQUALITY(name, e) ADJ_ARITHMETIC(name, e) DECLARE_BINARY(name, bool)
#include "elementwise.def"

#define FOR_TYPES(M) \
    M(float, f32)    \
    M(double, f64)   \
    M(int32_t, i32)  \
    M(int64_t, i64)  \
    M(uint8_t, bool)
#define DECLARE_MOVING(TYPE, S) \
    DECLARE(adj_copy_##S);      \
    DECLARE(adj_where_##S);     \
    DECLARE(adj_fill_##S);
FOR_TYPES(DECLARE_MOVING)

/* ---- functions of one variable ---- */

enum { NONE, X, Y };

typedef struct {
    const char* name;
    adj_kernel* f32;
    adj_kernel* f64;
    adj_kernel* grad_f32;
    adj_kernel* grad_f64;
    int saved;
} unary;

#define none NONE
#define x X
#define y Y
static const unary unaries[] = {
#define ADJ_UNARY(name, forward, saved, gradient) \
    {#name,                                       \
     adj_##name##_f32,                            \
     adj_##name##_f64,                            \
     adj_##name##_grad_f32,                       \
     adj_##name##_grad_f64,                       \
     saved},
#include "elementwise.def"
};
#undef none
#undef x
#undef y

enum { VALUES = 3000 };

static double test_value(int i, int f32) {
    static const double special[] = {0.0,     -0.0,     1,         -1,       INFINITY, -INFINITY,
                                     NAN,     0x1p-149, -0x1p-149, 0x1p-126, 1e-30,    -1e-30,
                                     FLT_MAX, -FLT_MAX, 1e10,      -1e10,    88.7,     -88.7,
                                     104,     -104,     0x1p-1074, DBL_MAX,  -DBL_MAX, 746};
    const int specials = sizeof special / sizeof special[0];
    if (i < specials) {
        return f32 ? (float)special[i] : special[i];
    }
    const double value = check_uniform(-1, 1) * (i % 3 == 0 ? 1 : i % 3 == 1 ? 10 : 100);
    return f32 ? (float)value : value;
}

/* Values and gradients of many elements are those of each alone. */
#define TEST_UNARY(T, S, is_f32)                                                            \
    static void test_unary_##S(const unary* u) {                                            \
        static T x[VALUES], value[VALUES], grad[VALUES], out[VALUES];                       \
        for (int i = 0; i < VALUES; i++) {                                                  \
            x[i] = (T)test_value(i, is_f32);                                                \
            grad[i] = i % 2 ? (T)1 : (T) - 0.75;                                            \
        }                                                                                   \
        const int64_t forward[] = {(int64_t)x, (int64_t)value, 1, VALUES, 1, 1};            \
        CHECK(u->S(forward) == ADJ_OK, "%s", u->name);                                      \
        const T* saved = u->saved == X ? x : u->saved == Y ? value : grad;                  \
        const int64_t backward[] = {                                                        \
            (int64_t)grad, (int64_t)saved, (int64_t)out, 1, VALUES, 1, 1, 1};               \
        CHECK(u->grad_##S(backward) == ADJ_OK, "%s", u->name);                              \
        for (int i = 0; i < VALUES; i++) {                                                  \
            T one;                                                                          \
            u->S((int64_t[]){(int64_t)&x[i], (int64_t)&one, 1, 1, 1, 1});                   \
            CHECK(check_near((double)value[i], (double)one, 0), "%s_" #S "(%a): %a, not %a", \
                  u->name, (double)x[i], (double)value[i], (double)one);                    \
            u->grad_##S((int64_t[]){(int64_t)&grad[i], (int64_t)&saved[i], (int64_t)&one, 1, 1, \
                                    1, 1, 1});                                              \
            CHECK(check_near((double)out[i], (double)one, 0), "%s_grad_" #S "(%a): %a, not %a", \
                  u->name, (double)x[i], (double)out[i], (double)one);                      \
        }                                                                                   \
    }
TEST_UNARY(float, f32, 1)
TEST_UNARY(double, f64, 0)

/* Strided, repeated, in place, long enough for several chunks: the same as one by one. */
static void test_unary_layouts(const unary* u) {
    for (int round = 0; round < 30; round++) {
        test_nest t = nest_make(round < 25 ? 3000 : 60000);
        nest_lay_out(&t, 0, 1);
        nest_lay_out(&t, 1, 0);
        float* x = check_block((size_t)t.extent[0] * sizeof *x);
        float* out = check_block((size_t)t.extent[1] * sizeof *out);
        for (int64_t i = 0; i < t.extent[0]; i++) {
            x[i] = (float)check_uniform(-5, 5);
        }
        int64_t words[32] = {(int64_t)x, (int64_t)out};
        nest_pack(&t, 2, words + 2);
        u->f32(words);
        for (int64_t i = 0; i < t.elements; i++) {
            float expected;
            const int64_t one[] = {(int64_t)&x[nest_at(&t, 0, i)], (int64_t)&expected, 1, 1, 1, 1};
            u->f32(one);
            const float actual = out[nest_at(&t, 1, i)];
            CHECK(check_near(actual, expected, 0), "%s: %a, not %a", u->name, actual, expected);
        }
        if (t.elements > 0) {
            nest_lay_out(&t, 0, 0);
        }
        free(x);
        free(out);
    }
    float in_place[100];
    float expected[100];
    for (int i = 0; i < 100; i++) {
        in_place[i] = (float)i / 10;
    }
    u->f32((int64_t[]){(int64_t)in_place, (int64_t)expected, 1, 100, 1, 1});
    u->f32((int64_t[]){(int64_t)in_place, (int64_t)in_place, 1, 100, 1, 1});
    CHECK(memcmp(in_place, expected, sizeof expected) == 0, "%s in place", u->name);
}

/* An element's result does not depend on its neighbours, whatever formula they need. */
static void test_unary_neighbours(const unary* u) {
    enum { N = 5000 };
    static float x[N], out[N];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < N; i++) {
            x[i] = (float)check_uniform(-90, 90);
            if (round > 0 && nest_pick(round == 1 ? 2000 : 5) == 0) {
                x[i] = (float)test_value((int)nest_pick(24), 1);
            }
        }
        u->f32((int64_t[]){(int64_t)x, (int64_t)out, 1, N, 1, 1});
        for (int i = 0; i < N; i++) {
            float one;
            u->f32((int64_t[]){(int64_t)&x[i], (int64_t)&one, 1, 1, 1, 1});
            CHECK(check_near(out[i], one, 0), "%s(%a): %a, not %a", u->name, x[i], out[i], one);
        }
    }
}

/* Outputs so large that they bypass the caches, from any place of a line on. */
static void test_streamed(void) {
    enum { N = (9 << 20) + 5, PLACES = 4 };
    float* x = check_block(N * sizeof *x);
    float* out = check_block((N + PLACES) * sizeof *out);
    float* copy = check_block((N + PLACES) * sizeof *copy);
    for (int i = 0; i < N; i++) {
        x[i] = (float)(i % 1000);
    }
    for (int place = 0; place < PLACES; place++) {
        float* to = copy + PLACES - 1 - place;
        out[place + N] = to[N] = 1;
        adj_neg_f32((int64_t[]){(int64_t)x, (int64_t)(out + place), 1, N, 1, 1});
        adj_copy_f32((int64_t[]){(int64_t)(out + place), (int64_t)to, 1, N, 1, 1});
        int wrong = 0;
        for (int i = 0; i < N; i++) {
            wrong += (out[place + i] != -x[i]) | (to[i] != -x[i]);
        }
        CHECK(wrong == 0, "%d elements from place %d on", wrong, place);
        CHECK(out[place + N] == 1 && to[N] == 1, "behind the end, place %d", place);
    }
    free(x);
    free(out);
    free(copy);
}

/* ---- functions of two variables ---- */

/* Small integers: exact in every type, often equal. Floating inputs also hold NaN. */
#define INPUT(T) (T)(nest_pick(50) == 0 ? (T)1 / (T)3 : (T)nest_pick(7))
/* Equal, but for float powers: powf need not round as pow does. */
#define EXPECT(S, a, b) \
    check_near((double)(a), (double)(b), strcmp(#S, "f32") ? 0 : fabs((double)(b)) * 0x1p-22)

#define TEST_BINARY(name, S, T, CARRIER, R, expression)                                            \
    static R expect_##name##_##S(CARRIER a, CARRIER b) {                                           \
        return (R)(expression);                                                                    \
    }                                                                                              \
    static void test_##name##_##S(void) {                                                          \
        for (int round = 0; round < 40; round++) {                                                 \
            test_nest t = nest_make(round < 38 ? 2000 : 40000);                                    \
            nest_lay_out(&t, 0, 1);                                                                \
            nest_lay_out(&t, 1, 1);                                                                \
            nest_lay_out(&t, 2, 0);                                                                \
            T* a = check_block((size_t)t.extent[0] * sizeof(T));                                   \
            T* b = check_block((size_t)t.extent[1] * sizeof(T));                                   \
            R* out = check_block((size_t)t.extent[2] * sizeof(R));                                 \
            for (int64_t i = 0; i < t.extent[0]; i++) {                                            \
                a[i] = INPUT(T);                                                                   \
            }                                                                                      \
            for (int64_t i = 0; i < t.extent[1]; i++) {                                            \
                b[i] = INPUT(T);                                                                   \
            }                                                                                      \
            int64_t words[40] = {(int64_t)a, (int64_t)b, (int64_t)out};                            \
            nest_pack(&t, 3, words + 3);                                                           \
            adj_##name##_##S(words);                                                               \
            for (int64_t i = 0; i < t.elements; i++) {                                             \
                const R expected = expect_##name##_##S((CARRIER)a[nest_at(&t, 0, i)],              \
                                                       (CARRIER)b[nest_at(&t, 1, i)]);             \
                CHECK(EXPECT(S, out[nest_at(&t, 2, i)], expected), #name "_" #S);                  \
            }                                                                                      \
            const double scalar = 3;                                                               \
            const int64_t first = round % 2;                                                       \
            int64_t scalar_words[40] = {(int64_t)a, (int64_t)out, 0, first};                       \
            memcpy(&scalar_words[2], &scalar, sizeof scalar);                                      \
            memcpy(t.stride[1], t.stride[2], sizeof t.stride[1]);                                  \
            nest_pack(&t, 2, scalar_words + 4);                                                    \
            adj_##name##_scalar_##S(scalar_words);                                                 \
            for (int64_t i = 0; i < t.elements; i++) {                                             \
                const CARRIER value = (CARRIER)a[nest_at(&t, 0, i)];                               \
                const CARRIER three = strcmp(#S, "bool") ? (CARRIER)3 : (CARRIER)1;                \
                const R expected =                                                                 \
                    first ? expect_##name##_##S(three, value) : expect_##name##_##S(value, three); \
                CHECK(EXPECT(S, out[nest_at(&t, 1, i)], expected), #name "_scalar_" #S);           \
            }                                                                                      \
            free(a);                                                                               \
            free(b);                                                                               \
            free(out);                                                                             \
        }                                                                                          \
    }
static double adj_pow(double a, double b) {
    return pow(a, b);
}

#define ADJ_REAL(name, e)                          \
    TEST_BINARY(name, f32, float, float, float, e) \
    TEST_BINARY(name, f64, double, double, double, e)
#define ADJ_ARITHMETIC(name, e)                            \
    ADJ_REAL(name, e)                                      \
    TEST_BINARY(name, i32, int32_t, uint32_t, uint32_t, e) \
    TEST_BINARY(name, i64, int64_t, uint64_t, uint64_t, e)
#define ADJ_EXTREME(name, e)                             \
    ADJ_REAL(name, e)                                    \
    TEST_BINARY(name, i32, int32_t, int32_t, int32_t, e) \
    TEST_BINARY(name, i64, int64_t, int64_t, int64_t, e)
#define ADJ_ORDER(name, e)                               \
    TEST_BINARY(name, f32, float, float, uint8_t, e)     \
    TEST_BINARY(name, f64, double, double, uint8_t, e)   \
    TEST_BINARY(name, i32, int32_t, int32_t, uint8_t, e) \
    TEST_BINARY(name, i64, int64_t, int64_t, uint8_t, e)
#define ADJ_EQUALITY(name, e) \
    ADJ_ORDER(name, e)        \
    TEST_BINARY(name, bool, uint8_t, uint8_t, uint8_t, e)
#include "elementwise.def"

#define RUN_BINARY(name, S) test_##name##_##S();
static void test_binaries(void) {
#define ADJ_REAL(name, e) RUN_BINARY(name, f32) RUN_BINARY(name, f64)
#define ADJ_ARITHMETIC(name, e) ADJ_REAL(name, e) RUN_BINARY(name, i32) RUN_BINARY(name, i64)
#define ADJ_EXTREME(name, e) ADJ_ARITHMETIC(name, e)
#define ADJ_ORDER(name, e) ADJ_ARITHMETIC(name, e)
#define ADJ_EQUALITY(name, e) ADJ_ARITHMETIC(name, e) RUN_BINARY(name, bool)
#include "elementwise.def"
}

static void test_extremes_propagate_nan(void) {
    const float a[] = {NAN, 1, NAN, -INFINITY};
    const float b[] = {1, NAN, NAN, INFINITY};
    float out[4];
    const int64_t words[] = {(int64_t)a, (int64_t)b, (int64_t)out, 1, 4, 1, 1, 1};
    adj_maximum_f32(words);
    CHECK(isnan(out[0]) && isnan(out[1]) && isnan(out[2]) && out[3] == INFINITY, "maximum");
    adj_minimum_f32(words);
    CHECK(isnan(out[0]) && isnan(out[1]) && isnan(out[2]) && out[3] == -INFINITY, "minimum");
}

/* ---- moving elements ---- */

#define TEST_MOVING(TYPE, S)                                                                    \
    static void test_moving_##S(void) {                                                         \
        for (int round = 0; round < 200; round++) {                                             \
            test_nest t = nest_make(round < 195 ? 3000 : 100000);                               \
            nest_lay_out(&t, 0, 1);                                                             \
            nest_lay_out(&t, 1, 1);                                                             \
            nest_lay_out(&t, 2, 1);                                                             \
            nest_lay_out(&t, 3, 0);                                                             \
            uint8_t* condition = check_block((size_t)t.extent[0]);                              \
            TYPE* a = check_block((size_t)t.extent[1] * sizeof(TYPE));                          \
            TYPE* b = check_block((size_t)t.extent[2] * sizeof(TYPE));                          \
            TYPE* out = check_block((size_t)t.extent[3] * sizeof(TYPE));                        \
            for (int64_t i = 0; i < t.extent[0]; i++) {                                         \
                condition[i] = (uint8_t)nest_pick(2);                                           \
            }                                                                                   \
            for (int64_t i = 0; i < t.extent[1]; i++) {                                         \
                a[i] = (TYPE)nest_pick(100);                                                    \
            }                                                                                   \
            for (int64_t i = 0; i < t.extent[2]; i++) {                                         \
                b[i] = (TYPE)nest_pick(100);                                                    \
            }                                                                                   \
            int64_t words[40] = {(int64_t)condition, (int64_t)a, (int64_t)b, (int64_t)out};     \
            nest_pack(&t, 4, words + 4);                                                        \
            adj_where_##S(words);                                                               \
            for (int64_t i = 0; i < t.elements; i++) {                                          \
                const TYPE expected =                                                           \
                    condition[nest_at(&t, 0, i)] ? a[nest_at(&t, 1, i)] : b[nest_at(&t, 2, i)]; \
                CHECK(out[nest_at(&t, 3, i)] == expected, "where_" #S);                         \
            }                                                                                   \
            memcpy(t.stride[0], t.stride[1], sizeof t.stride[0]);                               \
            memcpy(t.stride[1], t.stride[3], sizeof t.stride[1]);                               \
            int64_t copy_words[40] = {(int64_t)a, (int64_t)out};                                \
            nest_pack(&t, 2, copy_words + 2);                                                   \
            adj_copy_##S(copy_words);                                                           \
            for (int64_t i = 0; i < t.elements; i++) {                                          \
                CHECK(out[nest_at(&t, 1, i)] == a[nest_at(&t, 0, i)], "copy_" #S);              \
            }                                                                                   \
            memcpy(t.stride[0], t.stride[1], sizeof t.stride[0]);                               \
            const double value = 7;                                                             \
            int64_t fill_words[40] = {(int64_t)out};                                            \
            memcpy(&fill_words[1], &value, sizeof value);                                       \
            nest_pack(&t, 1, fill_words + 2);                                                   \
            adj_fill_##S(fill_words);                                                           \
            for (int64_t i = 0; i < t.elements; i++) {                                          \
                CHECK(out[nest_at(&t, 0, i)] == (strcmp(#S, "bool") ? 7 : 1), "fill_" #S);      \
            }                                                                                   \
            free(condition);                                                                    \
            free(a);                                                                            \
            free(b);                                                                            \
            free(out);                                                                          \
        }                                                                                       \
    }
FOR_TYPES(TEST_MOVING)

/* Big enough for tiles at every edge and several chunks. */
static void test_transposes(void) {
    enum { ROWS = 259, COLUMNS = 310 };
    static float x[ROWS * COLUMNS];
    static float out[ROWS * COLUMNS];
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        x[i] = (float)i;
    }
    const int64_t words[] = {(int64_t)x, (int64_t)out, 2, ROWS, COLUMNS, 1, ROWS, COLUMNS, 1};
    adj_copy_f32(words);
    for (int i = 0; i < ROWS; i++) {
        for (int j = 0; j < COLUMNS; j++) {
            CHECK(out[i * COLUMNS + j] == x[i + j * ROWS], "transpose at %d, %d", i, j);
        }
    }
}

#define DECLARE_CAST(FROM, from, TO, to) DECLARE(adj_cast_##from##_##to);
#define FOR_CASTS(M)               \
    M(float, f32, double, f64)     \
    M(float, f32, int32_t, i32)    \
    M(float, f32, int64_t, i64)    \
    M(float, f32, uint8_t, bool)   \
    M(double, f64, float, f32)     \
    M(double, f64, int32_t, i32)   \
    M(double, f64, int64_t, i64)   \
    M(double, f64, uint8_t, bool)  \
    M(int32_t, i32, float, f32)    \
    M(int32_t, i32, double, f64)   \
    M(int32_t, i32, int64_t, i64)  \
    M(int32_t, i32, uint8_t, bool) \
    M(int64_t, i64, float, f32)    \
    M(int64_t, i64, double, f64)   \
    M(int64_t, i64, int32_t, i32)  \
    M(int64_t, i64, uint8_t, bool) \
    M(uint8_t, bool, float, f32)   \
    M(uint8_t, bool, double, f64)  \
    M(uint8_t, bool, int32_t, i32) \
    M(uint8_t, bool, int64_t, i64)
FOR_CASTS(DECLARE_CAST)

#define TEST_CAST(FROM, from, TO, to)                                                       \
    {                                                                                       \
        FROM values[100];                                                                   \
        TO out[100];                                                                        \
        for (int i = 0; i < 100; i++) {                                                     \
            values[i] = (FROM)(strcmp(#from, "bool") ? (i - 50) * 0.75 : i % 2);            \
        }                                                                                   \
        adj_cast_##from##_##to((int64_t[]){(int64_t)values, (int64_t)out, 1, 100, 1, 1});   \
        for (int i = 0; i < 100; i++) {                                                     \
            const TO expected = strcmp(#to, "bool") ? (TO)values[i] : (TO)(values[i] != 0); \
            CHECK(out[i] == expected, "cast_" #from "_" #to);                               \
        }                                                                                   \
    }

static void test_casts(void) {
    FOR_CASTS(TEST_CAST)
    const double values[] = {NAN, INFINITY, -INFINITY, 1e300, -0.9, 2147483647.5, -2147483649.0};
    int32_t i32[7];
    int64_t i64[7];
    uint8_t truth[7];
    adj_cast_f64_i32((int64_t[]){(int64_t)values, (int64_t)i32, 1, 7, 1, 1});
    adj_cast_f64_i64((int64_t[]){(int64_t)values, (int64_t)i64, 1, 7, 1, 1});
    adj_cast_f64_bool((int64_t[]){(int64_t)values, (int64_t)truth, 1, 7, 1, 1});
    static const int32_t expected32[] = {0, INT32_MAX, INT32_MIN, INT32_MAX,
                                         0, INT32_MAX, INT32_MIN};
    static const int64_t expected64[] = {0, INT64_MAX, INT64_MIN,           INT64_MAX,
                                         0, INT32_MAX, INT64_C(-2147483649)};
    for (int i = 0; i < 7; i++) {
        CHECK(i32[i] == expected32[i], "%g to i32: %d", values[i], i32[i]);
        CHECK(i64[i] == expected64[i], "%g to i64: %" PRId64, values[i], i64[i]);
        CHECK(truth[i] == 1, "%g to bool", values[i]);
    }
}

int main(void) {
    adj_pool_start(3);
    for (size_t i = 0; i < sizeof unaries / sizeof unaries[0]; i++) {
        test_unary_f32(&unaries[i]);
        test_unary_f64(&unaries[i]);
        test_unary_layouts(&unaries[i]);
        test_unary_neighbours(&unaries[i]);
    }
    test_streamed();
    test_binaries();
    test_extremes_propagate_nan();
#define RUN_MOVING(TYPE, S) test_moving_##S();
    FOR_TYPES(RUN_MOVING)
    test_transposes();
    test_casts();
    adj_pool_stop();
    return check_report("elementwise");
}
