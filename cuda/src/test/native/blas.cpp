/*
 * cuBLAS for simulated devices, libcublas.so.12 and libcublas.so.13: the products that Adjoint asks
 * for. All other functions of which JCuda's natives know answer NOT_SUPPORTED (blas_symbols.def).
 */
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <set>

#include "product.h"

using namespace sim;

#define API extern "C" SIM_EXPORT int

namespace {

/* cublasStatus_t */
enum Status : int {
    OK = 0,
    STATUS_NOT_INITIALIZED = 1,
    STATUS_INVALID_VALUE = 7,
    STATUS_EXECUTION_FAILED = 13,
    STATUS_NOT_SUPPORTED = 15
};

enum MathMode : int { DEFAULT_MATH = 0, PEDANTIC_MATH = 2, TF32_TENSOR_OP_MATH = 3 };
constexpr int DISALLOW_REDUCED_PRECISION_REDUCTION = 16; /* a bit beside the mode */

struct Handle {
    void* stream = nullptr;
    char* workspace = nullptr;
    size_t workspace_bytes = 0;
    int math_mode = DEFAULT_MATH;
    int atomics = 0;

    int mode() const {
        return math_mode & ~DISALLOW_REDUCED_PRECISION_REDUCTION;
    }
};

std::mutex lock;
std::set<void*>& handles() {
    static auto* const live = new std::set<void*>;
    return *live;
}

Handle* handle_of(void* handle) {
    const std::lock_guard<std::mutex> held(lock);
    return handles().count(handle) != 0 ? (Handle*)handle : nullptr;
}

#define HANDLE(name, handle)                \
    Handle* const name = handle_of(handle); \
    if (name == nullptr) {                  \
        return STATUS_NOT_INITIALIZED;      \
    }

/* cublasOperation_t: none, transposed, and conjugate, which is the same for real numbers. */
bool is_operation(int operation) {
    return operation >= 0 && operation <= 2;
}

double scalar(const void* value, bool is_double) {
    return is_double ? *(const double*)value : (double)*(const float*)value;
}

struct Factor {
    const void* data;
    int type;
    int ld;
    long long stride;
};

int gemm(const char* what, void* handle, int transpose_a, int transpose_b, int m, int n, int k,
         const void* alpha, const Factor& a, const Factor& b, const void* beta, const Factor& c,
         int batch, int compute) {
    HANDLE(h, handle)
    if (!is_operation(transpose_a) || !is_operation(transpose_b) || m < 0 || n < 0 || k < 0 ||
        alpha == nullptr || beta == nullptr) {
        return STATUS_INVALID_VALUE;
    }
    const bool is_double = compute == COMPUTE_64F || compute == COMPUTE_64F_PEDANTIC;
    const auto matrix = [](const Factor& f, bool transposed, int rows, int cols) -> Matrix {
        return {(char*)f.data, f.type,  transposed ? cols : rows, transposed ? rows : cols,
                f.ld,          f.stride};
    };
    Product p = {};
    p.what = what;
    p.transpose_a = transpose_a != 0;
    p.transpose_b = transpose_b != 0;
    p.a = matrix(a, p.transpose_a, m, k);
    p.b = matrix(b, p.transpose_b, k, n);
    p.c = matrix(c, false, m, n);
    p.d = p.c;
    p.alpha = scalar(alpha, is_double);
    p.beta = scalar(beta, is_double);
    p.compute = compute == COMPUTE_32F && h->mode() == TF32_TENSOR_OP_MATH && a.type == F32
                    ? (int)COMPUTE_32F_FAST_TF32
                    : compute;
    p.batch = batch;
    p.epilogue = NO_EPILOGUE;
    p.workspace = h->workspace;
    p.workspace_bytes = h->workspace_bytes;
    p.rounds_parts = (h->math_mode & DISALLOW_REDUCED_PRECISION_REDUCTION) == 0;
    if (!is_sound(p)) {
        fprintf(stderr, "simulated device: %s: sizes, strides or types do not agree\n", what);
        return STATUS_INVALID_VALUE;
    }
    return enqueue(h->stream, [p] { return multiply(p); }) == SUCCESS ? OK
                                                                      : STATUS_EXECUTION_FAILED;
}

}  // namespace

API cublasCreate_v2(void** handle) {
    auto* const h = new Handle;
    const std::lock_guard<std::mutex> held(lock);
    handles().insert(h);
    *handle = h;
    return OK;
}

API cublasDestroy_v2(void* handle) {
    HANDLE(h, handle)
    const std::lock_guard<std::mutex> held(lock);
    handles().erase(h);
    delete h;
    return OK;
}

API cublasGetVersion_v2(void* handle, int* version) {
    (void)handle;
    *version = SIM_CUBLAS_VERSION;
    return OK;
}

API cublasSetStream_v2(void* handle, void* stream) {
    HANDLE(h, handle)
    h->stream = stream;
    h->workspace = nullptr; /* as documented: the stream's default workspace again */
    h->workspace_bytes = 0;
    return OK;
}

API cublasGetStream_v2(void* handle, void** stream) {
    HANDLE(h, handle)
    *stream = h->stream;
    return OK;
}

API cublasSetWorkspace_v2(void* handle, void* workspace, size_t bytes) {
    HANDLE(h, handle)
    if ((uintptr_t)workspace % 256 != 0) {
        return STATUS_INVALID_VALUE;
    }
    h->workspace = (char*)workspace;
    h->workspace_bytes = bytes;
    return OK;
}

API cublasSetMathMode(void* handle, int mode) {
    HANDLE(h, handle)
    h->math_mode = mode;
    return OK;
}

API cublasGetMathMode(void* handle, int* mode) {
    HANDLE(h, handle)
    *mode = h->math_mode;
    return OK;
}

/* Scalars are the host's (0). */
API cublasSetPointerMode_v2(void* handle, int mode) {
    HANDLE(h, handle)
    (void)h;
    return mode == 0 ? OK : STATUS_NOT_SUPPORTED;
}

API cublasGetPointerMode_v2(void* handle, int* mode) {
    HANDLE(h, handle)
    (void)h;
    *mode = 0;
    return OK;
}

API cublasSetAtomicsMode(void* handle, int mode) {
    HANDLE(h, handle)
    h->atomics = mode;
    return OK;
}

API cublasGetAtomicsMode(void* handle, int* mode) {
    HANDLE(h, handle)
    *mode = h->atomics;
    return OK;
}

API cublasSgemm_v2(void* handle, int transpose_a, int transpose_b, int m, int n, int k,
                   const float* alpha, const float* a, int lda, const float* b, int ldb,
                   const float* beta, float* c, int ldc) {
    return gemm("cublasSgemm", handle, transpose_a, transpose_b, m, n, k, alpha, {a, F32, lda, 0},
                {b, F32, ldb, 0}, beta, {c, F32, ldc, 0}, 1, COMPUTE_32F);
}

API cublasDgemm_v2(void* handle, int transpose_a, int transpose_b, int m, int n, int k,
                   const double* alpha, const double* a, int lda, const double* b, int ldb,
                   const double* beta, double* c, int ldc) {
    return gemm("cublasDgemm", handle, transpose_a, transpose_b, m, n, k, alpha, {a, F64, lda, 0},
                {b, F64, ldb, 0}, beta, {c, F64, ldc, 0}, 1, COMPUTE_64F);
}

API cublasSgemmStridedBatched(void* handle, int transpose_a, int transpose_b, int m, int n, int k,
                              const float* alpha, const float* a, int lda, long long stride_a,
                              const float* b, int ldb, long long stride_b, const float* beta,
                              float* c, int ldc, long long stride_c, int batch) {
    return gemm("cublasSgemmStridedBatched", handle, transpose_a, transpose_b, m, n, k, alpha,
                {a, F32, lda, stride_a}, {b, F32, ldb, stride_b}, beta, {c, F32, ldc, stride_c},
                batch, COMPUTE_32F);
}

API cublasDgemmStridedBatched(void* handle, int transpose_a, int transpose_b, int m, int n, int k,
                              const double* alpha, const double* a, int lda, long long stride_a,
                              const double* b, int ldb, long long stride_b, const double* beta,
                              double* c, int ldc, long long stride_c, int batch) {
    return gemm("cublasDgemmStridedBatched", handle, transpose_a, transpose_b, m, n, k, alpha,
                {a, F64, lda, stride_a}, {b, F64, ldb, stride_b}, beta, {c, F64, ldc, stride_c},
                batch, COMPUTE_64F);
}

API cublasGemmEx(void* handle, int transpose_a, int transpose_b, int m, int n, int k,
                 const void* alpha, const void* a, int type_a, int lda, const void* b, int type_b,
                 int ldb, const void* beta, void* c, int type_c, int ldc, int compute,
                 int algorithm) {
    (void)algorithm;
    return gemm("cublasGemmEx", handle, transpose_a, transpose_b, m, n, k, alpha,
                {a, type_a, lda, 0}, {b, type_b, ldb, 0}, beta, {c, type_c, ldc, 0}, 1, compute);
}

API cublasGemmStridedBatchedEx(void* handle, int transpose_a, int transpose_b, int m, int n, int k,
                               const void* alpha, const void* a, int type_a, int lda,
                               long long stride_a, const void* b, int type_b, int ldb,
                               long long stride_b, const void* beta, void* c, int type_c, int ldc,
                               long long stride_c, int batch, int compute, int algorithm) {
    (void)algorithm;
    return gemm("cublasGemmStridedBatchedEx", handle, transpose_a, transpose_b, m, n, k, alpha,
                {a, type_a, lda, stride_a}, {b, type_b, ldb, stride_b}, beta,
                {c, type_c, ldc, stride_c}, batch, compute);
}
