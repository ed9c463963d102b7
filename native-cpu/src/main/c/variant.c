/* What a library of kernels says about itself. */
#include "kernels.h"

int32_t adj_variant_abi_version(void) {
    return ADJ_ABI_VERSION;
}
