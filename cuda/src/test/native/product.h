/* The matrix product of the cuBLAS stand-ins: column-major, on the device's thread. */
#ifndef SIM_PRODUCT_H
#define SIM_PRODUCT_H

#include <cstdint>

#include "device.h"

namespace sim {

/* cudaDataType */
enum Type : int { F32 = 0, F64 = 1, F16 = 2, BF16 = 14 };
/* Bytes of an element; 0 for a type that is not simulated. */
size_t element_bytes(int type);

/* cublasComputeType_t, of which some let cuBLAS round its factors first. */
enum Compute : int {
    COMPUTE_32F = 68,
    COMPUTE_32F_PEDANTIC = 69,
    COMPUTE_64F = 70,
    COMPUTE_64F_PEDANTIC = 71,
    COMPUTE_32F_FAST_16F = 74,
    COMPUTE_32F_FAST_16BF = 75,
    COMPUTE_32F_FAST_TF32 = 77
};

/* As it lies in memory: rows x cols, each column ld elements behind the one before. */
struct Matrix {
    char* data;
    int type;
    int64_t rows;
    int64_t cols;
    int64_t ld;
    int64_t stride; /* elements from one matrix of the batch to the next */
};

/* cublasLtEpilogue_t */
enum Epilogue : int {
    NO_EPILOGUE = 1,
    RELU = 2,
    BIAS = 4,
    GELU = 32,
    AUX = 128,
    EPILOGUE_PARTS = RELU | BIAS | GELU | AUX
};

struct Product {
    const char* what;
    Matrix a;
    Matrix b;
    Matrix c; /* what beta multiplies; not read where beta is 0 */
    Matrix d;
    bool transpose_a;
    bool transpose_b;
    double alpha;
    double beta;
    int compute;
    int64_t batch;
    int epilogue;
    const char* bias; /* as long as d has rows, of type bias_type */
    int bias_type;
    char* before; /* AUX: what the activation gets, laid out as d but for its ld */
    int64_t before_ld;
    char* workspace; /* overwritten */
    size_t workspace_bytes;
    /* A sum may be made of parts that are rounded to d's type, if that is narrower. */
    bool rounds_parts;
};

/* Whether the sizes and types of the factors and the result agree. */
bool is_sound(const Product& p);

Result multiply(const Product& p);

}  // namespace sim

#endif
