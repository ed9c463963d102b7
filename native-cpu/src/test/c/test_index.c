/* Gather and scatter-add: values, order, refusal before any write. */
#include "check.h"
#include "kernels.h"
#include "runtime.h"

int32_t adj_gather(const void* args);
int32_t adj_scatter_add_f32(const void* args);
int32_t adj_scatter_add_f64(const void* args);

static int64_t* make_indices(int64_t count, int64_t rows) {
    int64_t* indices = check_block((size_t)count * sizeof *indices);
    for (int64_t i = 0; i < count; i++) {
        indices[i] = (int64_t)(check_random() % (uint64_t)rows);
    }
    return indices;
}

static void test_gather(int64_t rows, int64_t count, int64_t bytes) {
    char* table = check_block((size_t)(rows * bytes));
    char* out = check_block((size_t)(count * bytes));
    int64_t* indices = make_indices(count, rows);
    for (int64_t i = 0; i < rows * bytes; i++) {
        table[i] = (char)check_random();
    }
    const int64_t words[] = {(int64_t)table, (int64_t)indices, (int64_t)out, rows, count, bytes};
    CHECK(adj_gather(words) == ADJ_OK, "gather");
    for (int64_t i = 0; i < count; i++) {
        CHECK(memcmp(out + i * bytes, table + indices[i] * bytes, (size_t)bytes) == 0, "row");
    }
    free(table);
    free(out);
    free(indices);
}

#define TEST_SCATTER_ADD(T, S)                                                                    \
    static void test_scatter_add_##S(int64_t rows, int64_t count, int64_t width) {                \
        T* x = check_block((size_t)(count * width) * sizeof *x);                                  \
        T* out = check_block((size_t)(rows * width) * sizeof *out);                               \
        T* expected = check_block((size_t)(rows * width) * sizeof *expected);                     \
        int64_t* indices = make_indices(count, rows);                                             \
        for (int64_t i = 0; i < count * width; i++) {                                             \
            x[i] = (T)check_uniform(-1, 1);                                                       \
        }                                                                                         \
        for (int64_t i = 0; i < rows * width; i++) {                                              \
            out[i] = expected[i] = (T)check_uniform(-1, 1);                                       \
        }                                                                                         \
        for (int64_t i = 0; i < count * width; i++) {                                             \
            expected[indices[i / width] * width + i % width] += x[i];                             \
        }                                                                                         \
        const int64_t words[] = {(int64_t)x, (int64_t)indices, (int64_t)out, rows, count, width}; \
        CHECK(adj_scatter_add_##S(words) == ADJ_OK, "scatter_add");                               \
        CHECK(memcmp(out, expected, (size_t)(rows * width) * sizeof *out) == 0,                   \
              "%" PRId64 " rows of %" PRId64, count, width);                                      \
        free(x);                                                                                  \
        free(out);                                                                                \
        free(expected);                                                                           \
        free(indices);                                                                            \
    }
TEST_SCATTER_ADD(float, f32)
TEST_SCATTER_ADD(double, f64)

static void test_refusal(void) {
    static const int64_t wrong[] = {-1, 3, INT64_MIN, INT64_MAX};
    for (int i = 0; i < 4; i++) {
        const float table[3] = {1, 2, 3};
        float out[3] = {7, 7, 7};
        const int64_t indices[3] = {0, 1, wrong[i]};
        const int64_t words[] = {(int64_t)table, (int64_t)indices, (int64_t)out, 3, 3, 4};
        CHECK(adj_gather(words) == ADJ_INDEX_OUT_OF_RANGE, "gather");
        const int64_t adding[] = {(int64_t)table, (int64_t)indices, (int64_t)out, 3, 3, 1};
        CHECK(adj_scatter_add_f32(adding) == ADJ_INDEX_OUT_OF_RANGE, "scatter_add");
        CHECK(out[0] == 7 && out[1] == 7 && out[2] == 7, "written before the check");
    }
}

int main(void) {
    adj_pool_start(3);
    for (int64_t bytes = 0; bytes < 70; bytes++) {
        test_gather(13, bytes, bytes);
    }
    test_gather(100, 5000, 512);
    for (int64_t width = 0; width < 70; width++) {
        test_scatter_add_f32(5, 3 * width, width);
        test_scatter_add_f64(5, 3 * width, width);
    }
    test_scatter_add_f32(65, 3000, 128);
    test_scatter_add_f64(1000, 9000, 33);
    test_refusal();
    adj_pool_stop();
    return check_report("index");
}
