/*
 * The memory of all simulated devices: one range of addresses, in which every allocation starts on
 * a page of its own, is followed by an unused page, and is never used again once freed.
 *
 * The host may touch it only between open() and close(); to close takes effect as often as is
 * cheap. Without locks: the driver's calls hold one.
 */
#ifndef SIM_MEMORY_H
#define SIM_MEMORY_H

#include <cstddef>
#include <cstdint>

#include "executor.h"

namespace sim {

struct Allocation {
    uintptr_t begin;
    size_t bytes;
    int device;
    bool live;
};

/*
 * Who touched some bytes last, and since which barrier. The reader is a thread of the block, or
 * SEVERAL plus a warp for several threads of that warp, ANYONE in the block, or several BLOCKS.
 */
struct Cell {
    uint32_t write_epoch;
    uint32_t read_epoch;
    uint16_t writer : 15;
    uint16_t write_was_atomic : 1;
    uint16_t write_step;
    uint16_t reader;
    uint16_t read_step;
};
static_assert(sizeof(Cell) == 16);

class SIM_EXPORT Memory {
   public:
    Memory();
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;

    /* 0 where the addresses are used up. The bytes are poisoned: 0xff, NaN as a number. */
    uintptr_t allocate(size_t bytes, int device);
    void release(uintptr_t begin);

    /* Whether any device's memory could be at the address. */
    bool covers(uintptr_t address) const {
        return address - base_ < SIZE;
    }
    /* The allocation that the address is in or just behind of, also a freed one; nullptr if none.
     */
    const Allocation* find(uintptr_t address) const {
        if (!covers(address)) {
            return nullptr;
        }
        const uint32_t index = pages_[(address - base_) / PAGE];
        return index == 0 ? nullptr : &allocations_[index];
    }
    /* Whether the bytes are all of one live allocation of the device. */
    bool contains(uintptr_t address, size_t bytes, int device) const {
        const Allocation* const a = find(address);
        return a != nullptr && address - a->begin + bytes <= a->bytes && a->device == device &&
               a->live;
    }

    void open();
    void close();

    /* The cell of the CELL_BYTES that the address is in. */
    Cell* cell(uintptr_t address) {
        return cells_ + (address - base_) / CELL_BYTES;
    }
    void forget_cells();

    static constexpr size_t CELL_BYTES = 4;

    /* "0x… is 4 bytes behind the 400 bytes at 0x…", into a buffer that the next call reuses. */
    const char* describe(uintptr_t address) const;

   private:
    static constexpr size_t SIZE = (size_t)1 << 37;
    static constexpr size_t PAGE = 4096;
    static constexpr size_t MAX_ALLOCATIONS = (size_t)1 << 24;

    uintptr_t base_;
    uintptr_t next_;
    uint32_t* pages_;         /* of each page its allocation's number, from 1 */
    Allocation* allocations_; /* [0] is none */
    Cell* cells_;
    uint32_t count_ = 1;
    bool protected_ = true;
    double next_close_ = 0; /* when, in seconds */
};

SIM_EXPORT Memory& memory();

/* Host memory that devices may access: allocated or registered as page-locked. */
void pin(const void* begin, size_t bytes);
void unpin(const void* begin);
size_t pinned_bytes(const void* begin); /* of the range that begins there; 0: none does */
bool is_pinned(const void* address, size_t bytes);

}  // namespace sim

#endif
