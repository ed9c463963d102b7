/*
 * cublasLt for simulated devices, libcublasLt.so.12 and libcublasLt.so.13: one product with bias,
 * ReLU and GELU behind it, column-major, scalars on the host. Whatever else is asked for answers
 * NOT_SUPPORTED.
 */
#include <cstring>

#include "product.h"

using namespace sim;

#define API extern "C" SIM_EXPORT int

namespace {

enum Status : int {
    OK = 0,
    STATUS_NOT_INITIALIZED = 1,
    STATUS_INVALID_VALUE = 7,
    STATUS_EXECUTION_FAILED = 13,
    STATUS_NOT_SUPPORTED = 15
};

/* cublasLtMatmulDescAttributes_t */
enum DescAttribute : int {
    DESC_COMPUTE_TYPE = 0,
    DESC_SCALE_TYPE = 1,
    DESC_POINTER_MODE = 2,
    DESC_TRANSA = 3,
    DESC_TRANSB = 4,
    DESC_EPILOGUE = 7,
    DESC_BIAS_POINTER = 8,
    DESC_EPILOGUE_AUX_POINTER = 11,
    DESC_EPILOGUE_AUX_LD = 12,
    DESC_BIAS_DATA_TYPE = 26
};

struct Desc {
    int32_t compute;
    int32_t scale_type;
    int32_t pointer_mode = 0;
    int32_t transpose_a = 0;
    int32_t transpose_b = 0;
    uint32_t epilogue = NO_EPILOGUE;
    char* bias = nullptr;
    char* before = nullptr;
    int64_t before_ld = 0;
    int32_t bias_type = -1; /* that of d */
};

/* cublasLtMatrixLayoutAttribute_t */
enum LayoutAttribute : int {
    LAYOUT_TYPE = 0,
    LAYOUT_ORDER = 1,
    LAYOUT_ROWS = 2,
    LAYOUT_COLS = 3,
    LAYOUT_LD = 4,
    LAYOUT_BATCH_COUNT = 5,
    LAYOUT_STRIDED_BATCH_OFFSET = 6
};

struct MatrixLayout {
    int32_t type;
    int32_t order = 0; /* column-major */
    uint64_t rows;
    uint64_t cols;
    int64_t ld;
    int32_t batch = 1;
    int64_t stride = 0;
};

enum PreferenceAttribute : int {
    PREFERENCE_MAX_WORKSPACE_BYTES = 1,
    PREFERENCE_REDUCTION_SCHEME_MASK = 3,
    PREFERENCE_MIN_ALIGNMENT_A = 5 /* then B, C, D */
};

/* cublasLtReductionScheme_t: how parts of a sum are joined, of which the others round them. */
enum ReductionScheme : uint32_t { COMPUTE_TYPE = 2, ALL_SCHEMES = 7 };

struct Preference {
    uint64_t max_workspace_bytes = 0;
    uint32_t schemes = ALL_SCHEMES;
    uint32_t alignments[4] = {256, 256, 256, 256};
};

/* The only one there is; it holds the product to the alignments for which it was chosen. */
struct Algorithm {
    uint64_t number;
    uint32_t alignments[4];
    uint64_t rounds_parts;
    uint64_t unused[4];
};
constexpr uint64_t ONLY_ALGORITHM = 0x51;
static_assert(sizeof(Algorithm) == 64);

struct HeuristicResult {
    Algorithm algorithm;
    size_t workspace_bytes;
    int state;
    float waves;
    int reserved[4];
};
static_assert(sizeof(HeuristicResult) == 96);

template <typename T>
int set(T& field, const void* value, size_t bytes) {
    if (bytes != sizeof(T)) {
        return STATUS_INVALID_VALUE;
    }
    memcpy(&field, value, sizeof(T));
    return OK;
}

template <typename T>
Matrix matrix(const void* data, const T& layout) {
    return {(char*)data,          layout.type, (int64_t)layout.rows,
            (int64_t)layout.cols, layout.ld,   layout.stride};
}

/* The product but for its scalars and addresses; false where it is not simulated. */
bool describe(const Desc& desc, const MatrixLayout& a, const MatrixLayout& b, const MatrixLayout& c,
              const MatrixLayout& d, Product& p) {
    p = {};
    p.what = "cublasLtMatmul";
    p.a = matrix(nullptr, a);
    p.b = matrix(nullptr, b);
    p.c = matrix(nullptr, c);
    p.d = matrix(nullptr, d);
    p.transpose_a = desc.transpose_a != 0;
    p.transpose_b = desc.transpose_b != 0;
    p.compute = desc.compute;
    p.batch = d.batch;
    p.epilogue = (int)desc.epilogue;
    p.bias = desc.bias;
    p.bias_type = desc.bias_type >= 0 ? desc.bias_type : d.type;
    p.before = desc.before;
    p.before_ld = desc.before_ld;
    const bool single = d.batch == 1 || (p.epilogue & (BIAS | AUX)) == 0;
    const bool known = p.epilogue == NO_EPILOGUE || (p.epilogue & ~EPILOGUE_PARTS) == 0;
    const bool aux =
        (p.epilogue & AUX) == 0 || ((p.epilogue & GELU) != 0 && p.before_ld >= p.d.rows);
    const bool types = desc.scale_type == (p.a.type == F64 ? F64 : F32) && p.bias_type == d.type;
    return desc.pointer_mode == 0 && a.order == 0 && b.order == 0 && c.order == 0 && d.order == 0 &&
           a.batch == d.batch && b.batch == d.batch && c.batch == d.batch && single && known &&
           aux && types && is_sound(p);
}

}  // namespace

API cublasLtCreate(void** handle) {
    *handle = new int;
    return OK;
}

API cublasLtDestroy(void* handle) {
    delete (int*)handle;
    return OK;
}

extern "C" SIM_EXPORT size_t cublasLtGetVersion(void) {
    return SIM_CUBLAS_VERSION;
}

API cublasLtMatmulDescCreate(Desc** desc, int compute, int scale_type) {
    *desc = new Desc;
    (*desc)->compute = compute;
    (*desc)->scale_type = scale_type;
    return OK;
}

API cublasLtMatmulDescDestroy(Desc* desc) {
    delete desc;
    return OK;
}

API cublasLtMatmulDescSetAttribute(Desc* desc, int attribute, const void* value, size_t bytes) {
    switch (attribute) {
        case DESC_COMPUTE_TYPE:
            return set(desc->compute, value, bytes);
        case DESC_SCALE_TYPE:
            return set(desc->scale_type, value, bytes);
        case DESC_POINTER_MODE:
            return set(desc->pointer_mode, value, bytes);
        case DESC_TRANSA:
            return set(desc->transpose_a, value, bytes);
        case DESC_TRANSB:
            return set(desc->transpose_b, value, bytes);
        case DESC_EPILOGUE:
            return set(desc->epilogue, value, bytes);
        case DESC_BIAS_POINTER:
            return set(desc->bias, value, bytes);
        case DESC_EPILOGUE_AUX_POINTER:
            return set(desc->before, value, bytes);
        case DESC_EPILOGUE_AUX_LD:
            return set(desc->before_ld, value, bytes);
        case DESC_BIAS_DATA_TYPE:
            return set(desc->bias_type, value, bytes);
        default:
            return STATUS_NOT_SUPPORTED;
    }
}

API cublasLtMatrixLayoutCreate(MatrixLayout** layout, int type, uint64_t rows, uint64_t cols,
                               int64_t ld) {
    *layout = new MatrixLayout;
    (*layout)->type = type;
    (*layout)->rows = rows;
    (*layout)->cols = cols;
    (*layout)->ld = ld;
    return OK;
}

API cublasLtMatrixLayoutDestroy(MatrixLayout* layout) {
    delete layout;
    return OK;
}

API cublasLtMatrixLayoutSetAttribute(MatrixLayout* layout, int attribute, const void* value,
                                     size_t bytes) {
    switch (attribute) {
        case LAYOUT_TYPE:
            return set(layout->type, value, bytes);
        case LAYOUT_ORDER:
            return set(layout->order, value, bytes);
        case LAYOUT_ROWS:
            return set(layout->rows, value, bytes);
        case LAYOUT_COLS:
            return set(layout->cols, value, bytes);
        case LAYOUT_LD:
            return set(layout->ld, value, bytes);
        case LAYOUT_BATCH_COUNT:
            return set(layout->batch, value, bytes);
        case LAYOUT_STRIDED_BATCH_OFFSET:
            return set(layout->stride, value, bytes);
        default:
            return STATUS_NOT_SUPPORTED;
    }
}

API cublasLtMatmulPreferenceCreate(Preference** preference) {
    *preference = new Preference;
    return OK;
}

API cublasLtMatmulPreferenceDestroy(Preference* preference) {
    delete preference;
    return OK;
}

API cublasLtMatmulPreferenceSetAttribute(Preference* preference, int attribute, const void* value,
                                         size_t bytes) {
    const int matrix_number = attribute - PREFERENCE_MIN_ALIGNMENT_A;
    return attribute == PREFERENCE_MAX_WORKSPACE_BYTES
               ? set(preference->max_workspace_bytes, value, bytes)
           : attribute == PREFERENCE_REDUCTION_SCHEME_MASK
               ? set(preference->schemes, value, bytes)
           : matrix_number >= 0 && matrix_number < 4
               ? set(preference->alignments[matrix_number], value, bytes)
               : STATUS_NOT_SUPPORTED;
}

API cublasLtMatmulAlgoGetHeuristic(void* handle, const Desc* desc, const MatrixLayout* a,
                                   const MatrixLayout* b, const MatrixLayout* c,
                                   const MatrixLayout* d, const Preference* preference, int wanted,
                                   HeuristicResult* results, int* found) {
    Product p;
    if (handle == nullptr) {
        return STATUS_NOT_INITIALIZED;
    }
    *found = 0;
    if (wanted < 1) {
        return STATUS_INVALID_VALUE;
    }
    if (!describe(*desc, *a, *b, *c, *d, p)) {
        return STATUS_NOT_SUPPORTED;
    }
    results[0] = {};
    results[0].algorithm.number = ONLY_ALGORITHM;
    memcpy(results[0].algorithm.alignments, preference->alignments, sizeof preference->alignments);
    results[0].algorithm.rounds_parts = (preference->schemes & ~COMPUTE_TYPE) != 0;
    *found = 1;
    return OK;
}

API cublasLtMatmul(void* handle, const Desc* desc, const void* alpha, const void* a,
                   const MatrixLayout* a_layout, const void* b, const MatrixLayout* b_layout,
                   const void* beta, const void* c, const MatrixLayout* c_layout, void* d,
                   const MatrixLayout* d_layout, const Algorithm* algorithm, void* workspace,
                   size_t workspace_bytes, void* stream) {
    Product p;
    if (handle == nullptr) {
        return STATUS_NOT_INITIALIZED;
    }
    if (algorithm != nullptr) {
        const void* const addresses[] = {a, b, c, d};
        for (int i = 0; i < 4; i++) {
            if (algorithm->number != ONLY_ALGORITHM ||
                (uintptr_t)addresses[i] % algorithm->alignments[i] != 0) {
                return STATUS_INVALID_VALUE;
            }
        }
    }
    if (!describe(*desc, *a_layout, *b_layout, *c_layout, *d_layout, p)) {
        return STATUS_NOT_SUPPORTED;
    }
    const bool is_double = desc->scale_type == F64;
    p.alpha = is_double ? *(const double*)alpha : (double)*(const float*)alpha;
    p.beta = is_double ? *(const double*)beta : (double)*(const float*)beta;
    p.a.data = (char*)a;
    p.b.data = (char*)b;
    p.c.data = (char*)c;
    p.d.data = (char*)d;
    p.workspace = (char*)workspace;
    p.workspace_bytes = workspace_bytes;
    p.rounds_parts = algorithm == nullptr || algorithm->rounds_parts != 0;
    return enqueue(stream, [p] { return multiply(p); }) == SUCCESS ? OK : STATUS_EXECUTION_FAILED;
}
