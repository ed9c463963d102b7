#include "memory.h"

#include <sys/mman.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>

namespace sim {

namespace {

/* To poison more would cost the host as much memory; of a larger block it is the beginning. */
constexpr size_t MAX_POISONED = (size_t)1 << 20;

/* Protecting costs some 0.2 us a page: the share of the time that it may take. */
constexpr double PROTECTING_SHARE = 0.05;

double now() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void* reserve(size_t bytes, int protection) {
    void* const p =
        mmap(nullptr, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) {
        perror("simulated device: address space");
        abort();
    }
    return p;
}

}  // namespace

Memory::Memory()
    : base_((uintptr_t)reserve(SIZE, PROT_NONE)),
      next_(base_ + PAGE),
      pages_((uint32_t*)reserve(SIZE / PAGE * sizeof(uint32_t), PROT_READ | PROT_WRITE)),
      allocations_(
          (Allocation*)reserve(MAX_ALLOCATIONS * sizeof(Allocation), PROT_READ | PROT_WRITE)),
      cells_((Cell*)reserve(SIZE / CELL_BYTES * sizeof(Cell), PROT_READ | PROT_WRITE)) {
    madvise((void*)base_, SIZE, MADV_NOHUGEPAGE);
}

uintptr_t Memory::allocate(size_t bytes, int device) {
    const size_t pages = (bytes + PAGE - 1) / PAGE + 1; /* the last one stays unused */
    if (bytes > SIZE || pages * PAGE > base_ + SIZE - next_ || count_ == MAX_ALLOCATIONS) {
        return 0;
    }
    const uintptr_t begin = next_;
    next_ += pages * PAGE;
    std::fill_n(pages_ + (begin - base_) / PAGE, pages, count_);
    allocations_[count_++] = {begin, bytes, device, true};
    const size_t poisoned = std::min(bytes, MAX_POISONED);
    mprotect((void*)begin, pages * PAGE, PROT_READ | PROT_WRITE);
    memset((void*)begin, 0xff, poisoned);
    if (protected_) {
        mprotect((void*)begin, pages * PAGE, PROT_NONE);
    }
    return begin;
}

void Memory::release(uintptr_t begin) {
    Allocation& a = allocations_[pages_[(begin - base_) / PAGE]];
    a.live = false;
    const size_t bytes = (a.bytes + PAGE - 1) / PAGE * PAGE;
    if (bytes > 0) { /* gives the pages, and the tables of pages, back to the system */
        mmap((void*)begin, bytes, protected_ ? PROT_NONE : PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
        madvise(cell(begin), bytes / CELL_BYTES * sizeof(Cell), MADV_DONTNEED);
    }
}

void Memory::forget_cells() {
    madvise(cells_, SIZE / CELL_BYTES * sizeof(Cell), MADV_DONTNEED);
}

void Memory::open() {
    if (protected_) {
        mprotect((void*)base_, next_ - base_, PROT_READ | PROT_WRITE);
        protected_ = false;
    }
}

void Memory::close() {
    const double begin = now();
    if (!protected_ && begin >= next_close_) {
        mprotect((void*)base_, next_ - base_, PROT_NONE);
        protected_ = true;
        const double end = now();
        next_close_ = end + 2 * (end - begin) / PROTECTING_SHARE; /* to open costs as much again */
    }
}

const char* Memory::describe(uintptr_t address) const {
    static char text[160];
    const Allocation* const a = find(address);
    if (a == nullptr) {
        snprintf(text, sizeof text, "0x%zx is no memory of a device", address);
    } else if (!a->live) {
        snprintf(text, sizeof text, "0x%zx is %zu bytes into %zu bytes that were freed", address,
                 address - a->begin, a->bytes);
    } else if (address - a->begin < a->bytes) {
        snprintf(text, sizeof text, "0x%zx is %zu bytes into the %zu bytes at 0x%zx of device %d",
                 address, address - a->begin, a->bytes, a->begin, a->device);
    } else {
        snprintf(text, sizeof text, "0x%zx is %zu bytes behind the %zu bytes at 0x%zx of device %d",
                 address, address - a->begin - a->bytes, a->bytes, a->begin, a->device);
    }
    return text;
}

Memory& memory() {
    static Memory instance;
    return instance;
}

namespace {

std::map<uintptr_t, size_t>& pinned() {
    static std::map<uintptr_t, size_t> ranges;
    return ranges;
}

}  // namespace

void pin(const void* begin, size_t bytes) {
    pinned()[(uintptr_t)begin] = bytes;
}

void unpin(const void* begin) {
    pinned().erase((uintptr_t)begin);
}

size_t pinned_bytes(const void* begin) {
    const auto found = pinned().find((uintptr_t)begin);
    return found == pinned().end() ? 0 : found->second;
}

bool is_pinned(const void* address, size_t bytes) {
    const auto after = pinned().upper_bound((uintptr_t)address);
    if (after == pinned().begin()) {
        return false;
    }
    const auto range = std::prev(after);
    return (uintptr_t)address - range->first + bytes <= range->second;
}

}  // namespace sim
