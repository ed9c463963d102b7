/* The same with bfloat16 in pairs: what the instruction would do is done in plain C. */
#define ADJ_PLAIN_PAIRS
#include "gemm/gemm.c"
#include "test_gemm.c"
