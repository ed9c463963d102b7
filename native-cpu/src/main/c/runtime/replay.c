/* How Java calls kernels: one, or a recorded list as one. */
#include "parallel.h"
#include "rounding.h"
#include "runtime.h"

int32_t adj_abi_version(void) {
    return ADJ_ABI_VERSION;
}

int32_t adj_run(adj_kernel* kernel, const void* args) {
    const uint64_t before = adj_rounding();
    if (__builtin_expect(before == ADJ_DEFAULT_ROUNDING, true)) {
        return kernel(args);
    }
    adj_set_rounding(ADJ_DEFAULT_ROUNDING);
    const int32_t status = kernel(args);
    adj_set_rounding(before);
    return status;
}

int64_t adj_replay(const adj_call* calls, int64_t count) {
    int64_t failure = -1;
    adj_pool_keep_hot(true);
    for (int64_t i = 0; i < count && failure < 0; i++) {
        const int32_t status = adj_run(calls[i].kernel, calls[i].args);
        if (status != ADJ_OK) {
            failure = i << 8 | status;
        }
    }
    adj_pool_keep_hot(false);
    return failure;
}
