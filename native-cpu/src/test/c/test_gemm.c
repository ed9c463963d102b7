/* adj_gemm against plain loops in double, on factors as the kernel reads them. */
#include <stdbool.h>

#include "check.h"
#include "common.h"
#include "halves.h"
#include "vector.h"

#define EPSILON_f32 0x1p-24
#define EPSILON_f64 0x1p-53

typedef f32 bf16_f32;
#define EPSILON_bf16_f32 EPSILON_f32
typedef f32 halves_f32;
#define EPSILON_halves_f32 EPSILON_f32

#define ELEMENT REAL /* how factors lie in memory */
#define ELEMENT_OF(x) (x)
#define AS_READ(x) ((double)(x))
#define REAL f32
#include "test_gemm.h"
#undef REAL
#define REAL f64
#include "test_gemm.h"
#undef REAL
#undef AS_READ

#define AS_READ(x) ((double)adj_f32_of_bf16(adj_bf16_of_f32(x)))
#define REAL bf16_f32
#include "test_gemm.h"
#undef REAL
#undef AS_READ
#undef ELEMENT
#undef ELEMENT_OF

#define ELEMENT uint16_t
#define ELEMENT_OF adj_bf16_of_f32
#define AS_READ(x) ((double)adj_f32_of_bf16(x))
#define REAL halves_f32
#include "test_gemm.h"
#undef REAL

int main(void) {
    test_f32();
    test_f64();
    test_bf16_f32();
    test_halves_f32();
    return check_report("gemm");
}
