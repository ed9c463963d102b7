/* Recorded kernel calls, run as one. */
#include "parallel.h"
#include "runtime.h"

int32_t adj_abi_version(void) {
    return ADJ_ABI_VERSION;
}

int64_t adj_replay(const adj_call* calls, int64_t count) {
    int64_t failure = -1;
    adj_pool_keep_hot(true);
    for (int64_t i = 0; i < count && failure < 0; i++) {
        const int32_t status = calls[i].kernel(calls[i].args);
        if (status != ADJ_OK) {
            failure = i << 8 | status;
        }
    }
    adj_pool_keep_hot(false);
    return failure;
}
