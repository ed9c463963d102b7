/* Blocks for tensors. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/mman.h>

#include "runtime.h"

enum { CACHE_LINE = 64, HUGE_PAGE = 2 << 20 };

void* adj_alloc(int64_t bytes) {
    if (bytes < 0) {
        return NULL;
    }
    const size_t size = bytes > 0 ? (size_t)bytes : CACHE_LINE;
    const size_t alignment = size >= HUGE_PAGE ? HUGE_PAGE : CACHE_LINE;
    void* block;
    if (posix_memalign(&block, alignment, size) != 0) {
        return NULL;
    }
    if (alignment == HUGE_PAGE) {
        /* Only advice: without huge pages the block is as good, first touches are slower. */
        (void)madvise(block, size, MADV_HUGEPAGE);
    }
    return block;
}

void adj_free(void* address) {
    free(address);
}
