/* The cuBLAS stand-ins against plain loops, and what they refuse. */
#include "fixture.h"

extern "C" {
int cublasCreate_v2(void** handle);
int cublasDestroy_v2(void* handle);
int cublasSetStream_v2(void* handle, void* stream);
int cublasSetWorkspace_v2(void* handle, void* workspace, size_t bytes);
int cublasSetMathMode(void* handle, int mode);
int cublasSgemm_v2(void* handle, int transpose_a, int transpose_b, int m, int n, int k,
                   const float* alpha, const float* a, int lda, const float* b, int ldb,
                   const float* beta, float* c, int ldc);
int cublasGemmEx(void* handle, int transpose_a, int transpose_b, int m, int n, int k,
                 const void* alpha, const void* a, int type_a, int lda, const void* b, int type_b,
                 int ldb, const void* beta, void* c, int type_c, int ldc, int compute,
                 int algorithm);
int cublasGemmStridedBatchedEx(void* handle, int transpose_a, int transpose_b, int m, int n, int k,
                               const void* alpha, const void* a, int type_a, int lda,
                               long long stride_a, const void* b, int type_b, int ldb,
                               long long stride_b, const void* beta, void* c, int type_c, int ldc,
                               long long stride_c, int batch, int compute, int algorithm);
int cublasSaxpy_v2(void* handle);
int cublasLtCreate(void** handle);
int cublasLtMatmulDescCreate(void** desc, int compute, int scale_type);
int cublasLtMatmulDescSetAttribute(void* desc, int attribute, const void* value, size_t bytes);
int cublasLtMatrixLayoutCreate(void** layout, int type, uint64_t rows, uint64_t cols, int64_t ld);
int cublasLtMatmulPreferenceCreate(void** preference);
int cublasLtMatmulPreferenceSetAttribute(void* preference, int attribute, const void* value,
                                         size_t bytes);
int cublasLtMatmulAlgoGetHeuristic(void* handle, void* desc, void* a, void* b, void* c, void* d,
                                   void* preference, int wanted, void* results, int* found);
int cublasLtMatmul(void* handle, void* desc, const void* alpha, Address a, void* a_layout,
                   Address b, void* b_layout, const void* beta, Address c, void* c_layout,
                   Address d, void* d_layout, const void* algorithm, Address workspace,
                   size_t workspace_bytes, void* stream);
}

namespace {

enum { F32 = 0, BF16 = 14, COMPUTE_32F = 68, TF32_MATH = 3, WHOLE_SUMS = 16 };
enum { STATUS_INVALID_VALUE = 7, STATUS_NOT_SUPPORTED = 15 };

struct Sizes {
    int m, n, k;
    bool transpose_a, transpose_b;
};

/* op(A) is m x k of 0, 1, …, op(B) k x n likewise; both without gaps. */
double factor(bool transposed, int row, int col, int rows, int cols) {
    return transposed ? col + row * cols : row + col * rows;
}

double expected(const Sizes& s, int i, int j) {
    double sum = 0;
    for (int l = 0; l < s.k; l++) {
        sum += factor(s.transpose_a, i, l, s.m, s.k) * factor(s.transpose_b, l, j, s.k, s.n);
    }
    return sum;
}

struct Blas : Fixture {
    void* handle;

    Blas() {
        OK(cublasCreate_v2(&handle));
        OK(cublasSetStream_v2(handle, stream));
    }
    int multiply(const Sizes& s, Address a, Address b, Address c, float beta = 0,
                 int lda = 0) const {
        const float alpha = 1;
        return cublasSgemm_v2(handle, s.transpose_a, s.transpose_b, s.m, s.n, s.k, &alpha,
                              (const float*)a,
                              lda != 0        ? lda
                              : s.transpose_a ? s.k
                                              : s.m,
                              (const float*)b, s.transpose_b ? s.n : s.k, &beta, (float*)c, s.m);
    }
};

void products() {
    for (const bool transpose_a : {false, true}) {
        for (const bool transpose_b : {false, true}) {
            check("products", [=] {
                const Blas f;
                const Sizes s = {3, 4, 5, transpose_a, transpose_b};
                const Address a = Fixture::numbers(15);
                const Address b = Fixture::numbers(20);
                const Address c = Fixture::allocate(12);
                OK(f.multiply(s, a, b, c));
                OK(f.multiply(s, a, b, c, 2));
                const std::vector<float> y = f.read(c, 12);
                for (int j = 0; j < 4; j++) {
                    for (int i = 0; i < 3; i++) {
                        CHECK(y[(size_t)(i + 3 * j)] == (float)(3 * expected(s, i, j)));
                    }
                }
            });
        }
    }
    check("batches of bfloat16", [] {
        const Blas f;
        const unsigned short values[] = {0x3f80, 0x4000, 0x4040, 0x4080}; /* 1, 2, 3, 4 */
        const Address a = Fixture::allocate(2);
        const Address c = Fixture::allocate(2);
        OK(cuMemcpyHtoD_v2(a, values, sizeof values));
        const float alpha = 1;
        const float beta = 0;
        OK(cublasGemmStridedBatchedEx(f.handle, 1, 0, 1, 1, 2, &alpha, (void*)a, BF16, 2, 2,
                                      (void*)a, BF16, 2, 2, &beta, (void*)c, F32, 1, 1, 2,
                                      COMPUTE_32F, -1));
        CHECK(f.read(c, 2)[0] == 5 && f.read(c, 2)[1] == 25);
    });
    check("bfloat16, added and rounded once", [] {
        const Blas f;
        OK(cublasSetMathMode(f.handle, WHOLE_SUMS));
        const unsigned short x = 0x3f81; /* 1 + 2^-7, its square 1 + 2^-6 + 2^-14 */
        unsigned short sum = 0x3b80;     /* 2^-8: half a unit in the last place of that */
        const Address a = Fixture::allocate(1);
        const Address c = Fixture::allocate(1);
        OK(cuMemcpyHtoD_v2(a, &x, sizeof x));
        OK(cuMemcpyHtoD_v2(c, &sum, sizeof sum));
        const float one = 1;
        OK(cublasGemmEx(f.handle, 0, 0, 1, 1, 1, &one, (void*)a, BF16, 1, (void*)a, BF16, 1, &one,
                        (void*)c, BF16, 1, COMPUTE_32F, -1));
        OK(f.synchronize());
        OK(cuMemcpyDtoH_v2(&sum, c, sizeof sum));
        CHECK(sum == 0x3f83); /* above the tie, which would go to 0x3f82 */
    });
    check("sums whose parts are rounded, unless forbidden", [] {
        const Blas f;
        const unsigned short values[] = {0x3f80, 0x3b80, 0x3b80, 0x0000}; /* 1, 2^-8, 2^-8, 0 */
        const unsigned short ones[] = {0x3f80, 0x3f80, 0x3f80, 0x3f80};
        const Address a = Fixture::allocate(2);
        const Address b = Fixture::allocate(2);
        const Address c = Fixture::allocate(1);
        OK(cuMemcpyHtoD_v2(a, values, sizeof values));
        OK(cuMemcpyHtoD_v2(b, ones, sizeof ones));
        for (const bool whole : {false, true}) {
            OK(cublasSetMathMode(f.handle, whole ? WHOLE_SUMS : 0));
            const float one = 1;
            const float zero = 0;
            unsigned short sum;
            OK(cublasGemmEx(f.handle, 0, 0, 1, 1, 4, &one, (void*)a, BF16, 1, (void*)b, BF16, 4,
                            &zero, (void*)c, BF16, 1, COMPUTE_32F, -1));
            OK(f.synchronize());
            OK(cuMemcpyDtoH_v2(&sum, c, sizeof sum));
            CHECK(sum == (whole ? 0x3f81 : 0x3f80)); /* 1 + 2^-7; 1 + 2^-8 rounds to 1, twice */
        }
    });
    check("TF32", [] {
        const Blas f;
        const float value = 1.0f + 0x1p-11f; /* rounds up to 1 + 2^-10 */
        const Address a = Fixture::allocate(1);
        const Address c = Fixture::allocate(1);
        OK(cuMemcpyHtoD_v2(a, &value, 4));
        OK(f.multiply({1, 1, 1, false, false}, a, a, c));
        CHECK(f.read(c, 1)[0] == value * value);
        OK(cublasSetMathMode(f.handle, TF32_MATH));
        OK(f.multiply({1, 1, 1, false, false}, a, a, c));
        CHECK(f.read(c, 1)[0] == (1 + 0x1p-10f) * (1 + 0x1p-10f));
    });
    check("the workspace is spoiled", [] {
        const Blas f;
        const Address a = Fixture::numbers(64);
        const Address c = Fixture::allocate(1);
        OK(cublasSetWorkspace_v2(f.handle, (void*)a, 256));
        OK(f.multiply({1, 1, 1, false, false}, c, c, c));
        CHECK(std::isnan(f.read(a, 64)[1]));
    });
    check("products are captured", [] {
        const Blas f;
        const Address a = Fixture::numbers(4);
        const Address c = Fixture::allocate(4);
        void* graph;
        void* exec;
        OK(cuStreamBeginCapture_v2(f.stream, THREAD_LOCAL));
        OK(f.multiply({2, 2, 2, false, false}, a, a, c));
        OK(cuStreamEndCapture(f.stream, &graph));
        OK(cuGraphInstantiateWithFlags(&exec, graph, 0));
        CHECK(std::isnan(f.read(c, 4)[0]));
        OK(cuGraphLaunch(exec, f.stream));
        CHECK(f.read(c, 4)[0] == 2);
    });
    check(
        "a factor beyond its memory",
        [] {
            const Blas f;
            const Address a = Fixture::numbers(14);
            const Address b = Fixture::numbers(20);
            OK(f.multiply({3, 4, 5, false, false}, a, b, b));
            CHECK(f.synchronize() == ILLEGAL_ADDRESS);
        },
        "cublasSgemm touches 60 bytes");
    check(
        "a stride between columns that is too short",
        [] {
            const Blas f;
            const Address a = Fixture::numbers(20);
            CHECK(f.multiply({3, 4, 5, false, false}, a, a, a, 0, 2) == STATUS_INVALID_VALUE);
        },
        "do not agree");
    check(
        "functions that are not simulated",
        [] {
            const Blas f;
            CHECK(cublasSaxpy_v2(f.handle) == STATUS_NOT_SUPPORTED);
        },
        "cublasSaxpy_v2 is not simulated");
}

void epilogues() {
    /* out = gelu(A B + bias), and what the function gets; BIAS 4, GELU 32, AUX 128. */
    check("bias and GELU", [] {
        const Fixture f;
        const Sizes s = {4, 2, 3, false, false};
        const Address a = Fixture::numbers(12);
        const Address b = Fixture::numbers(6);
        const Address bias = Fixture::numbers(4);
        const Address d = Fixture::allocate(8);
        const Address before = Fixture::allocate(16);
        void* handle;
        void* desc;
        void* layouts[3];
        void* preference;
        OK(cublasLtCreate(&handle));
        OK(cublasLtMatmulDescCreate(&desc, COMPUTE_32F, F32));
        const uint32_t epilogue = 4 | 32 | 128;
        const int64_t ld = 8;
        OK(cublasLtMatmulDescSetAttribute(desc, 7, &epilogue, sizeof epilogue));
        OK(cublasLtMatmulDescSetAttribute(desc, 8, &bias, sizeof bias));
        OK(cublasLtMatmulDescSetAttribute(desc, 11, &before, sizeof before));
        OK(cublasLtMatmulDescSetAttribute(desc, 12, &ld, sizeof ld));
        CHECK(cublasLtMatmulDescSetAttribute(desc, 12, &ld, 4) == STATUS_INVALID_VALUE);
        OK(cublasLtMatrixLayoutCreate(&layouts[0], F32, 4, 3, 4));
        OK(cublasLtMatrixLayoutCreate(&layouts[1], F32, 3, 2, 3));
        OK(cublasLtMatrixLayoutCreate(&layouts[2], F32, 4, 2, 4));
        OK(cublasLtMatmulPreferenceCreate(&preference));
        uint64_t result[12];
        int found;
        OK(cublasLtMatmulAlgoGetHeuristic(handle, desc, layouts[0], layouts[1], layouts[2],
                                          layouts[2], preference, 1, result, &found));
        CHECK(found == 1);
        const float alpha = 0.0625f;
        const float beta = 0;
        const auto multiply = [&](Address x) {
            return cublasLtMatmul(handle, desc, &alpha, x, layouts[0], b, layouts[1], &beta, d,
                                  layouts[2], d, layouts[2], result, 0, 0, f.stream);
        };
        OK(multiply(a));
        const std::vector<float> y = f.read(d, 8);
        const std::vector<float> u = f.read(before, 16);
        for (int j = 0; j < 2; j++) {
            for (int i = 0; i < 4; i++) {
                const double x = 0.0625 * expected(s, i, j) + i;
                const double gelu =
                    0.5 * x *
                    (1 + std::tanh(std::sqrt(2 / 3.14159265358979) * (x + 0.044715 * x * x * x)));
                CHECK(u[(size_t)(i + 8 * j)] == (float)x);
                CHECK(std::fabs(y[(size_t)(i + 4 * j)] - gelu) <= 1e-6 * std::fabs(gelu) + 1e-7);
            }
        }
        /* Chosen for multiples of 256 bytes, as nothing else was asked for. */
        CHECK(multiply(a + 4) == STATUS_INVALID_VALUE);
        const int32_t result_type = F32;
        const int32_t other_type = BF16;
        OK(cublasLtMatmulDescSetAttribute(desc, 26, &other_type, sizeof other_type)); /* bias */
        CHECK(cublasLtMatmulAlgoGetHeuristic(handle, desc, layouts[0], layouts[1], layouts[2],
                                             layouts[2], preference, 1, result,
                                             &found) == STATUS_NOT_SUPPORTED);
        OK(cublasLtMatmulDescSetAttribute(desc, 26, &result_type, sizeof result_type));
        const uint32_t backward = 256; /* BGRADA */
        OK(cublasLtMatmulDescSetAttribute(desc, 7, &backward, sizeof backward));
        CHECK(cublasLtMatmulAlgoGetHeuristic(handle, desc, layouts[0], layouts[1], layouts[2],
                                             layouts[2], preference, 1, result,
                                             &found) == STATUS_NOT_SUPPORTED);
    });
}

}  // namespace

int main(int, char** arguments) {
    use_kernels(arguments[0]);
    products();
    epilogues();
    return report();
}
