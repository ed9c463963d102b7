/* adj_gemm against plain loops in double. */
#include <stdbool.h>

#include "check.h"
#include "common.h"
#include "vector.h"

#define EPSILON_f32 0x1p-24
#define EPSILON_f64 0x1p-53

#define REAL f32
#include "test_gemm.h"
#undef REAL
#define REAL f64
#include "test_gemm.h"
#undef REAL

int main(void) {
    test_f32();
    test_f64();
    return check_report("gemm");
}
