#include "product.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <vector>

#define ADJ_SIMULATED
#include "sim_cuda.h"

namespace sim {

namespace {

/* A product may use all of its workspace; who keeps something there shall see it. */
constexpr size_t SPOILED = 64 * 1024;

double load(const char* data, int type, int64_t i) {
    switch (type) {
        case F32:
            return (double)((const float*)data)[i];
        case F64:
            return ((const double*)data)[i];
        case F16:
            return (double)sim_f32_of_f16(((const unsigned short*)data)[i]);
        default:
            return (double)sim_f32_of_bf16(((const unsigned short*)data)[i]);
    }
}

void store(char* data, int type, int64_t i, double x) {
    switch (type) {
        case F32:
            ((float*)data)[i] = (float)x;
            break;
        case F64:
            ((double*)data)[i] = x;
            break;
        case F16:
            ((unsigned short*)data)[i] = sim_f16_of_f32((float)x);
            break;
        default:
            ((unsigned short*)data)[i] = sim_bf16_of_f32((float)x);
    }
}

/* To 10 bits behind the point, to nearest, ties away from zero, as the hardware does. */
float round_to_tf32(float x) {
    const unsigned bits = __float_as_uint(x);
    return std::isfinite(x) ? __uint_as_float((bits + 0x1000u) & ~0x1fffu) : x;
}

/* Of a factor, as the product sees it. */
double rounded(double x, int compute) {
    switch (compute) {
        case COMPUTE_32F_FAST_TF32:
            return (double)round_to_tf32((float)x);
        case COMPUTE_32F_FAST_16F:
            return (double)sim_f32_of_f16(sim_f16_of_f32((float)x));
        case COMPUTE_32F_FAST_16BF:
            return (double)sim_f32_of_bf16(sim_bf16_of_f32((float)x));
        default:
            return x;
    }
}

/* As an element of a type holds it. */
double narrowed(double x, int type) {
    char element[sizeof(double)];
    store(element, type, 0, x);
    return load(element, type, 0);
}

/* A factor, column-major without gaps. */
template <typename T>
std::vector<T> pack(const Matrix& matrix, bool transposed, int64_t batch, int compute) {
    const int64_t rows = transposed ? matrix.cols : matrix.rows;
    const int64_t cols = transposed ? matrix.rows : matrix.cols;
    std::vector<T> packed((size_t)(rows * cols));
    for (int64_t j = 0; j < cols; j++) {
        for (int64_t i = 0; i < rows; i++) {
            const int64_t at = transposed ? j + i * matrix.ld : i + j * matrix.ld;
            packed[(size_t)(i + j * rows)] =
                (T)rounded(load(matrix.data, matrix.type, batch * matrix.stride + at), compute);
        }
    }
    return packed;
}

template <typename T>
T activate(T x, int epilogue) {
    if ((epilogue & RELU) != 0) {
        return x > 0 ? x : 0;
    }
    if ((epilogue & GELU) != 0) { /* cublasLt's is the form with tanh */
        return x * (T)0.5 *
               ((T)1 + std::tanh((T)0.7978845608028654 * (x + (T)0.044715 * x * x * x)));
    }
    return x;
}

template <typename T>
void multiply(const Product& p, int64_t batch) {
    const int64_t m = p.d.rows;
    const int64_t n = p.d.cols;
    const int64_t k = p.transpose_a ? p.a.rows : p.a.cols;
    const bool has_factors = p.alpha != 0 && k > 0;
    const std::vector<T> a =
        has_factors ? pack<T>(p.a, p.transpose_a, batch, p.compute) : std::vector<T>();
    const std::vector<T> b =
        has_factors ? pack<T>(p.b, p.transpose_b, batch, p.compute) : std::vector<T>();
    std::vector<T> sums((size_t)m);
    T* const sum = sums.data();
    for (int64_t j = 0; j < n; j++) {
        std::fill(sums.begin(), sums.end(), (T)0);
        for (int64_t l = 0; has_factors && l < k; l++) {
            if (p.rounds_parts && l == k / 2) {
                std::transform(sum, sum + m, sum, [&](T x) { return (T)narrowed(x, p.d.type); });
            }
            const T factor = b[(size_t)(l + j * k)];
            const T* const column = &a[(size_t)(l * m)];
            for (int64_t i = 0; i < m; i++) {
                sum[i] += column[i] * factor;
            }
        }
        for (int64_t i = 0; i < m; i++) {
            T y = (T)p.alpha * sum[i];
            if (p.beta != 0) {
                y += (T)p.beta * (T)load(p.c.data, p.c.type, batch * p.c.stride + i + j * p.c.ld);
            }
            if ((p.epilogue & BIAS) != 0) {
                y += (T)load(p.bias, p.bias_type, i);
            }
            if ((p.epilogue & AUX) != 0) {
                store(p.before, p.d.type, i + j * p.before_ld, (double)y);
            }
            store(p.d.data, p.d.type, batch * p.d.stride + i + j * p.d.ld,
                  (double)activate(y, p.epilogue));
        }
    }
}

bool covers(const Product& p, const Matrix& matrix) {
    if (matrix.rows == 0 || matrix.cols == 0) {
        return true;
    }
    const int64_t elements = (matrix.cols - 1) * matrix.ld + matrix.rows;
    for (int64_t i = 0; i < p.batch; i++) {
        const auto bytes = (int64_t)element_bytes(matrix.type);
        if (!check_range(p.what, matrix.data + i * matrix.stride * bytes,
                         (size_t)(elements * bytes))) {
            return false;
        }
    }
    return true;
}

bool is_sound(const Matrix& matrix) {
    return element_bytes(matrix.type) != 0 && matrix.rows >= 0 && matrix.cols >= 0 &&
           matrix.ld >= std::max((int64_t)1, matrix.rows);
}

}  // namespace

size_t element_bytes(int type) {
    switch (type) {
        case F32:
            return 4;
        case F64:
            return 8;
        case F16:
        case BF16:
            return 2;
        default:
            return 0;
    }
}

bool is_sound(const Product& p) {
    const bool is_double = p.compute == COMPUTE_64F || p.compute == COMPUTE_64F_PEDANTIC;
    const bool is_single = p.compute == COMPUTE_32F || p.compute == COMPUTE_32F_PEDANTIC ||
                           p.compute == COMPUTE_32F_FAST_16F ||
                           p.compute == COMPUTE_32F_FAST_16BF || p.compute == COMPUTE_32F_FAST_TF32;
    const int64_t m = p.transpose_a ? p.a.cols : p.a.rows;
    const int64_t k = p.transpose_a ? p.a.rows : p.a.cols;
    const int64_t n = p.transpose_b ? p.b.rows : p.b.cols;
    return (is_double || is_single) && is_sound(p.a) && is_sound(p.b) && is_sound(p.c) &&
           is_sound(p.d) && (p.a.type == F64) == is_double && p.a.type == p.b.type &&
           (p.d.type == p.a.type || (is_single && p.d.type == F32)) && p.c.type == p.d.type &&
           k == (p.transpose_b ? p.b.cols : p.b.rows) && p.d.rows == m && p.d.cols == n &&
           p.c.rows == m && p.c.cols == n && p.batch >= 0;
}

Result multiply(const Product& p) {
    const auto last = (size_t)((p.d.cols - 1) * p.before_ld + p.d.rows);
    if (p.d.rows == 0 || p.d.cols == 0 || p.batch == 0) {
        return SUCCESS;
    }
    if ((p.alpha != 0 && (!covers(p, p.a) || !covers(p, p.b))) ||
        (p.beta != 0 && !covers(p, p.c)) || !covers(p, p.d) ||
        ((p.epilogue & BIAS) != 0 &&
         !check_range(p.what, p.bias, (size_t)p.d.rows * element_bytes(p.bias_type))) ||
        ((p.epilogue & AUX) != 0 &&
         !check_range(p.what, p.before, last * element_bytes(p.d.type))) ||
        !check_range(p.what, p.workspace, p.workspace_bytes)) {
        return ILLEGAL_ADDRESS;
    }
    if (p.workspace_bytes > 0) {
        memset(p.workspace, 0xff, std::min(p.workspace_bytes, SPOILED));
    }
    for (int64_t i = 0; i < p.batch; i++) {
        if (p.compute == COMPUTE_64F || p.compute == COMPUTE_64F_PEDANTIC) {
            multiply<double>(p, i);
        } else {
            multiply<float>(p, i);
        }
    }
    return SUCCESS;
}

}  // namespace sim
