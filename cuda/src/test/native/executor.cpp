/*
 * Fibers, barriers, warps, shared memory, and the checks of every access.
 *
 * A fiber runs threads of the block to their end, one after another, until one has to wait; then
 * another fiber takes over: the next thread that was not started yet, or one that need not wait any
 * more. So a kernel without barriers is a plain loop over its threads.
 */
#include "executor.h"

#include <link.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <numeric>
#include <vector>

#include "memory.h"

/* What sim_cuda.h declares as constants: so they are, for one thread. */
extern "C" {
SIM_EXPORT sim::Size3 threadIdx, blockIdx, blockDim, gridDim;
}

/* void sim_switch(void** save, void* to): the registers that a call preserves, and the stack. */
extern "C" void sim_switch(void** save, void* to);
asm(R"(
    .text
    .type sim_switch, @function
sim_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    popq %rcx
    jmpq *%rcx
    .size sim_switch, .-sim_switch
)");

namespace sim {

namespace {

constexpr unsigned WARP = 32;
constexpr size_t STACK = 256 * 1024;
constexpr size_t GUARD = 4096;
constexpr size_t RED_ZONE = 256; /* between arrays in shared memory */
constexpr unsigned MAX_ARRAYS = 64;
constexpr size_t SHARED = MAX_STATIC_SHARED + MAX_SHARED + (MAX_ARRAYS + 2) * RED_ZONE;

enum Access { READ, WRITE, ATOMIC };
const char* const ACCESS_NAMES[] = {"reads", "writes", "atomically updates"};

struct Fiber {
    void* stack_pointer;
    unsigned thread;
    bool parked; /* in fiber_main, between threads or before the first */
};

/* To shared memory, not done yet. */
struct Copy {
    void* to;
    const void* from;
    size_t bytes;
    size_t size; /* with the zeros behind them */
    unsigned group;
};

struct Thread {
    Size3 index;
    Fiber* fiber;
    const char* waits; /* what for; nullptr: not waiting */
    unsigned mask;     /* of the lanes that it waits for in a warp */
    uint16_t step;     /* warp barriers passed */
    bool ended;
    unsigned group; /* of the copies that it begins now */
    std::vector<Copy> copies;
};

/* Lanes of a warp that meet under one mask. Values are kept until the next but one meeting. */
struct Meeting {
    unsigned mask;
    unsigned arrived;
    unsigned present[2];
    unsigned turn;
    const char* what;
    uint64_t values[2][WARP];
};

struct Warp {
    unsigned ended;
    unsigned meetings_used;
    Meeting meetings[8];
};

/* An array in shared memory; `place` tells declarations apart. */
struct Array {
    const void* place;
    const char* name;
    uintptr_t begin;
    size_t bytes;
    size_t unit; /* what its elements are aligned to */
};

constexpr uint16_t SEVERAL = 0x4000;
constexpr uint16_t ANYONE = 0xffff;
constexpr uint16_t BLOCKS = 0xfffe;

struct Executor {
    /* the launch */
    const Kernel* kernel;
    const void* parameter;
    size_t dynamic_shared;
    int device;
    Result result;
    uintptr_t image_begin; /* of the library with the kernel */
    uintptr_t image_end;
    Counts counts;

    /* the block */
    unsigned threads_count;
    unsigned started;
    unsigned next; /* the thread to start next, a seeded walk through all */
    unsigned stride;
    unsigned ended;
    unsigned at_barrier;
    const char* barrier_file;
    int barrier_line;
    Thread threads[MAX_THREADS];
    Warp warps[MAX_THREADS / WARP];
    Thread* current;

    /* fibers; the ready ones in the order in which they go on */
    Fiber fibers[MAX_THREADS];
    Fiber* free_fibers[MAX_THREADS];
    unsigned free_count;
    unsigned ready[MAX_THREADS];
    unsigned ready_begin;
    unsigned ready_count;
    void* main_stack_pointer;
    uintptr_t stacks;

    /* shared memory */
    uintptr_t shared;
    Cell* cells;
    Array arrays[MAX_ARRAYS];
    unsigned arrays_count;
    size_t static_shared;
    uintptr_t shared_next;
    uint32_t epoch;       /* which barrier was the last */
    uint32_t block_epoch; /* the first of this block */
    uint32_t launch_epoch;
    uint64_t random;
};

Executor x;
Memory& mem = memory();

uint64_t random_number() { /* splitmix64 (Steele et al. 2014) */
    uint64_t z = x.random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void initialize() {
    if (x.stacks != 0) {
        return;
    }
    const size_t stacks = MAX_THREADS * STACK;
    x.stacks = (uintptr_t)mmap(nullptr, stacks, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    x.shared = (uintptr_t)mmap(nullptr, SHARED, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                               -1, 0);
    x.cells = (Cell*)mmap(nullptr, SHARED * sizeof(Cell), PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if ((void*)x.stacks == MAP_FAILED || (void*)x.shared == MAP_FAILED ||
        (void*)x.cells == MAP_FAILED) {
        perror("simulated device");
        abort();
    }
    for (unsigned i = 0; i < MAX_THREADS; i++) {
        mprotect((void*)(x.stacks + i * STACK), GUARD, PROT_NONE);
    }
    const char* const seed = getenv("ADJOINT_SIMULATED_SEED");
    x.random = seed == nullptr ? 1 : strtoull(seed, nullptr, 10);
}

/* ---- fibers ---- */

void fiber_main();

/* Lets this fiber start on an empty stack. */
void renew(Fiber& fiber) {
    const auto index = (uintptr_t)(&fiber - x.fibers);
    /* Tops a power of two apart would all take the same lines of the caches. */
    auto* top = (void**)(x.stacks + (index + 1) * STACK - index % 64 * 272);
    *--top = nullptr; /* where fiber_main would return to, and its alignment */
    *--top = (void*)fiber_main;
    top -= 6; /* the registers */
    std::fill_n(top, 6, nullptr);
    fiber.stack_pointer = top;
    fiber.parked = true;
}

void become(unsigned thread) {
    x.current = &x.threads[thread];
    threadIdx = x.current->index;
}

/* Leaves `from` for whoever can go on; back to the scheduler when nobody can. */
void switch_from(Fiber* from) {
    void** const save = from == nullptr ? &x.main_stack_pointer : &from->stack_pointer;
    void* to;
    if (x.started < x.threads_count && x.result == SUCCESS) {
        Fiber* const fiber = x.free_fibers[--x.free_count];
        fiber->parked = false;
        to = fiber->stack_pointer;
    } else if (x.ready_count > 0 && x.result == SUCCESS) {
        const unsigned thread = x.ready[x.ready_begin];
        x.ready_begin = (x.ready_begin + 1) % MAX_THREADS;
        x.ready_count--;
        become(thread);
        Fiber* const fiber = x.current->fiber;
        if (fiber == from) {
            return;
        }
        to = fiber->stack_pointer;
    } else if (from == nullptr) {
        return;
    } else {
        to = x.main_stack_pointer;
    }
    sim_switch(save, to);
}

void make_ready(unsigned thread) {
    x.threads[thread].waits = nullptr;
    x.ready[(x.ready_begin + x.ready_count++) % MAX_THREADS] = thread;
}

__attribute__((format(printf, 2, 3))) void report(Result result, const char* format, ...) {
    if (x.result != SUCCESS) {
        return; /* the first one counts */
    }
    x.result = result;
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    const Size3 t = x.current->index;
    fprintf(stderr, "simulated device: %s, block (%u, %u, %u), thread (%u, %u, %u): %s\n",
            x.kernel->name, blockIdx.x, blockIdx.y, blockIdx.z, t.x, t.y, t.z, text);
}

/* Gives the launch up: whatever the fibers hold on their stacks is forgotten. */
void leave() {
    sim_switch(&x.current->fiber->stack_pointer, x.main_stack_pointer);
    abort(); /* nobody comes back */
}

#define FAIL(result, ...)            \
    do {                             \
        report(result, __VA_ARGS__); \
        leave();                     \
    } while (0)

void wait(const char* what) {
    x.current->waits = what;
    Fiber* const fiber = x.current->fiber;
    switch_from(fiber);
}

/* ---- warps ---- */

unsigned number(const Thread* thread) {
    return (unsigned)(thread - x.threads);
}

/* Lanes of a mask that the block has and that have not ended. */
unsigned expected(const Warp& warp, unsigned warp_number, unsigned mask) {
    const unsigned lanes = std::min(WARP, x.threads_count - warp_number * WARP);
    return mask & (lanes == WARP ? ~0u : (1u << lanes) - 1) & ~warp.ended;
}

/* Lets the lanes go on if all have arrived; but the lane `self` needs no waking. */
bool complete(Warp& warp, Meeting& meeting, unsigned self) {
    const auto warp_number = (unsigned)(&warp - x.warps);
    if (meeting.arrived == 0 ||
        (expected(warp, warp_number, meeting.mask) & ~meeting.arrived) != 0) {
        return false;
    }
    meeting.present[meeting.turn & 1] = meeting.arrived;
    for (unsigned lanes = meeting.arrived; lanes != 0; lanes &= lanes - 1) {
        const auto lane = (unsigned)__builtin_ctz(lanes);
        if (lane != self) {
            make_ready(warp_number * WARP + lane);
        }
    }
    meeting.arrived = 0;
    meeting.turn++;
    return true;
}

Meeting& meeting_of(Warp& warp, unsigned mask) {
    for (unsigned i = 0; i < warp.meetings_used; i++) {
        if (warp.meetings[i].mask == mask) {
            return warp.meetings[i];
        }
    }
    unsigned i = warp.meetings_used;
    if (i == std::size(warp.meetings)) { /* one that nobody waits in */
        for (i = 0; i < warp.meetings_used && warp.meetings[i].arrived != 0; i++) {
        }
        if (i == warp.meetings_used) {
            FAIL(LAUNCH_FAILED, "more than %zu masks at once in a warp", std::size(warp.meetings));
        }
    } else {
        warp.meetings_used++;
    }
    warp.meetings[i].mask = mask;
    warp.meetings[i].arrived = 0;
    return warp.meetings[i];
}

const uint64_t* meet(const char* what, unsigned mask, uint64_t value, unsigned* present) {
    const unsigned thread = number(x.current);
    const unsigned lane = thread % WARP;
    Warp& warp = x.warps[thread / WARP];
    if ((mask >> lane & 1) == 0) {
        FAIL(LAUNCH_FAILED, "%s with the mask 0x%08x, which leaves out the own lane %u", what, mask,
             lane);
    }
    Meeting& meeting = meeting_of(warp, mask);
    if (meeting.arrived == 0) {
        meeting.what = what;
    } else if (meeting.what != what && strcmp(meeting.what, what) != 0) {
        FAIL(LAUNCH_FAILED, "divergent warp: %s, but another lane is at %s", what, meeting.what);
    }
    const unsigned turn = meeting.turn & 1;
    meeting.values[turn][lane] = value;
    meeting.arrived |= 1u << lane;
    if (!complete(warp, meeting, lane)) {
        x.current->mask = mask;
        wait(what);
    }
    *present = meeting.present[turn];
    return meeting.values[turn];
}

/* ---- the block ---- */

constexpr const char* BARRIER = "__syncthreads";

void end_thread() {
    Thread& thread = *x.current;
    if (!thread.copies.empty()) {
        FAIL(LAUNCH_FAILED, "ends without waiting for %zu of its asynchronous copies",
             thread.copies.size());
    }
    thread.ended = true;
    x.ended++;
    if (x.at_barrier > 0) {
        FAIL(LAUNCH_FAILED, "divergent __syncthreads: ends while %u threads wait at %s:%d",
             x.at_barrier, x.barrier_file, x.barrier_line);
    }
    const unsigned t = number(&thread);
    Warp& warp = x.warps[t / WARP];
    warp.ended |= 1u << t % WARP;
    for (unsigned i = 0; i < warp.meetings_used; i++) {
        complete(warp, warp.meetings[i], WARP);
    }
}

void fiber_main() {
    const auto here = (uintptr_t)__builtin_frame_address(0);
    Fiber* const fiber = &x.fibers[(here - x.stacks) / STACK];
    for (;;) {
        while (x.started < x.threads_count) {
            const unsigned thread = x.next;
            x.started++;
            x.next += x.stride;
            if (x.next >= x.threads_count) {
                x.next -= x.threads_count;
            }
            become(thread);
            x.current->fiber = fiber;
            x.kernel->function(x.parameter);
            end_thread();
        }
        fiber->parked = true;
        x.free_fibers[x.free_count++] = fiber;
        switch_from(fiber);
    }
}

void next_epoch() {
    if (++x.epoch == 0) { /* 2^32 barriers later: old marks would look new */
        memset(x.cells, 0, SHARED * sizeof(Cell));
        mem.forget_cells();
        x.epoch = 1;
        x.block_epoch = 1;
        x.launch_epoch = 1;
    }
}

void run_block(unsigned first) {
    x.started = 0;
    x.ended = 0;
    x.at_barrier = 0;
    x.ready_begin = 0;
    x.ready_count = 0;
    x.next = first;
    next_epoch();
    x.block_epoch = x.epoch;
    for (unsigned i = 0; i < x.arrays_count; i++) {
        memset((void*)x.arrays[i].begin, 0xff, x.arrays[i].bytes);
    }
    for (unsigned i = 0; i < x.threads_count; i++) {
        Thread& t = x.threads[i];
        t.waits = nullptr;
        t.step = 0;
        t.ended = false;
        t.copies.clear();
    }
    for (unsigned w = 0; w * WARP < x.threads_count; w++) {
        x.warps[w].ended = 0;
        x.warps[w].meetings_used = 0;
    }
    switch_from(nullptr);
    if (x.result == SUCCESS && x.ended < x.threads_count) {
        for (unsigned i = 0; i < x.threads_count; i++) {
            if (x.threads[i].waits != nullptr) {
                x.current = &x.threads[i];
                report(
                    LAUNCH_FAILED,
                    "waits for ever at %s (mask 0x%08x): %u of %u threads have ended, %u are at a "
                    "__syncthreads",
                    x.threads[i].waits, x.threads[i].mask, x.ended, x.threads_count, x.at_barrier);
            }
        }
    }
}

/* ---- shared memory ---- */

void* add_array(const void* place, const char* name, size_t bytes, size_t unit) {
    const uintptr_t begin = (x.shared_next + 31) / 32 * 32 + 16; /* as aligned as it must be */
    if (x.arrays_count == MAX_ARRAYS) {
        FAIL(LAUNCH_FAILED, "more than %u arrays in shared memory", MAX_ARRAYS);
    }
    x.arrays[x.arrays_count++] = {place, name, begin, bytes, unit};
    x.shared_next = begin + bytes + RED_ZONE;
    memset((void*)begin, 0xff, bytes);
    return (void*)begin;
}

const Array* array_of(uintptr_t address, size_t bytes) {
    for (unsigned i = 0; i < x.arrays_count; i++) {
        if (address - x.arrays[i].begin + bytes <= x.arrays[i].bytes &&
            address >= x.arrays[i].begin) {
            return &x.arrays[i];
        }
    }
    return nullptr;
}

const Array* shared_array(uintptr_t address, size_t bytes, Access access) {
    const Array* const array = array_of(address, bytes);
    if (array == nullptr) {
        FAIL(ILLEGAL_ADDRESS, "%s %zu bytes of shared memory outside of every array of this block",
             ACCESS_NAMES[access], bytes);
    }
    return array;
}

/* ---- races: two accesses, one of them a write, that nothing orders ---- */

/* What the current thread does to some cells. Marks of epochs before the first are out of date. */
struct Touch {
    uintptr_t address;
    size_t bytes;
    Access access;
    uint32_t first_epoch; /* of the block for shared memory, of the launch for a device's */
};

void report_race(const Touch& touch, const char* who, const char* did) {
    if (mem.covers(touch.address)) {
        FAIL(LAUNCH_FAILED, "race in device memory: %s what %s %s with no barrier between: %s",
             ACCESS_NAMES[touch.access], who, did, mem.describe(touch.address));
    }
    const Array* const array = array_of(touch.address, touch.bytes);
    FAIL(LAUNCH_FAILED,
         "race in shared memory: %s byte %zu of %s, which %s %s with no barrier between",
         ACCESS_NAMES[touch.access], (size_t)(touch.address - array->begin), array->name, who, did);
}

void report_race(const Touch& touch, unsigned other, const char* did) {
    const Size3 t = x.threads[other].index;
    char who[64];
    snprintf(who, sizeof who, "thread (%u, %u, %u)", t.x, t.y, t.z);
    report_race(touch, who, did);
}

/* Whether nothing orders what `other` did at its `step` before what the current thread does now. */
bool unordered(unsigned other, unsigned step) {
    const unsigned self = number(x.current);
    return other != self && (other / WARP != self / WARP || step == x.current->step);
}

void check_last_write(const Cell& c, const Touch& touch) {
    const bool both_atomic = touch.access == ATOMIC && c.write_was_atomic;
    if (c.write_epoch < touch.first_epoch || both_atomic) {
        return;
    }
    if (c.write_epoch < x.block_epoch) {
        report_race(touch, "another block", "wrote");
    } else if (c.write_epoch == x.epoch && unordered(c.writer, c.write_step)) {
        report_race(touch, c.writer, "wrote");
    }
}

void check_last_reads(const Cell& c, const Touch& touch) {
    if (c.read_epoch < touch.first_epoch) {
        return;
    }
    if (c.reader == BLOCKS || c.read_epoch < x.block_epoch) {
        report_race(touch, "another block", "read");
    } else if (c.read_epoch == x.epoch) {
        const unsigned warp = c.reader & ~(unsigned)SEVERAL;
        if (c.reader == ANYONE) {
            report_race(touch, "other threads", "read");
        } else if ((c.reader & SEVERAL) != 0) {
            if (warp != number(x.current) / WARP || c.read_step == x.current->step) {
                report_race(touch, "threads of a warp", "read");
            }
        } else if (unordered(c.reader, c.read_step)) {
            report_race(touch, c.reader, "read");
        }
    }
}

void mark_read(Cell& c, const Touch& touch) {
    const auto self = (uint16_t)number(x.current);
    const unsigned warp =
        (c.reader & SEVERAL) != 0 ? c.reader & ~(unsigned)SEVERAL : (unsigned)c.reader / WARP;
    const bool by_blocks =
        c.read_epoch >= touch.first_epoch && (c.reader == BLOCKS || c.read_epoch < x.block_epoch);
    if (by_blocks) {
        c.reader = BLOCKS;
    } else if (c.read_epoch != x.epoch || (warp == self / WARP && c.read_step != x.current->step)) {
        c.reader = self; /* whoever read before is ordered before this */
        c.read_step = x.current->step;
    } else if (c.reader != self && c.reader != ANYONE) {
        c.reader = warp == self / WARP ? (uint16_t)(SEVERAL | warp) : ANYONE;
    }
    c.read_epoch = x.epoch;
}

/* The cells from `c` to `end`. */
void check_races(Cell* c, const Cell* end, const Touch& touch) {
    for (; c != end; c++) {
        check_last_write(*c, touch);
        if (touch.access == READ) {
            mark_read(*c, touch);
        } else {
            check_last_reads(*c, touch);
            c->write_epoch = x.epoch;
            c->writer = (uint16_t)(number(x.current) % MAX_THREADS);
            c->write_was_atomic = touch.access == ATOMIC;
            c->write_step = x.current->step;
        }
    }
}

/* ---- accesses ---- */

/* No stack, no device's memory, not shared: the parameter, what lanes exchange, constants, pinned
 * memory. */
void check_other(uintptr_t address, size_t bytes, Access access) {
    if (x.current == nullptr) { /* a library that is being loaded */
        return;
    }
    const auto is_within = [address, bytes](const void* begin, size_t size) {
        return address - (uintptr_t)begin + bytes <= size && address >= (uintptr_t)begin;
    };
    const bool allowed =
        (access == READ &&
         (is_within(x.parameter, x.kernel->parameter_bytes) || is_within(x.warps, sizeof x.warps) ||
          is_within((const void*)x.image_begin, x.image_end - x.image_begin))) ||
        is_pinned((const void*)address, bytes);
    if (!allowed) {
        FAIL(ILLEGAL_ADDRESS, "%s %zu bytes at 0x%zx, which is no memory of the device",
             ACCESS_NAMES[access], bytes, address);
    }
}

inline void check(const volatile void* pointer, size_t bytes, Access access) {
    const auto address = (uintptr_t)pointer;
    if (address - x.stacks < MAX_THREADS * STACK) {
        return;
    }
    if (mem.covers(address)) {
        x.counts.accesses++;
        if (__builtin_expect(!mem.contains(address, bytes, x.device), 0)) {
            FAIL(ILLEGAL_ADDRESS, "%s %zu bytes: %s", ACCESS_NAMES[access], bytes,
                 mem.describe(address));
        }
        if (bytes >= Memory::CELL_BYTES) { /* neighbours share the cell of what is smaller */
            check_races(mem.cell(address), mem.cell(address + bytes - 1) + 1,
                        {address, bytes, access, x.launch_epoch});
        }
    } else if (address - x.shared < SHARED) {
        x.counts.accesses++;
        const Array* const array = shared_array(address, bytes, access);
        const uintptr_t at = address - array->begin;
        Cell* const cells = x.cells + (array->begin - x.shared);
        check_races(cells + at / array->unit, cells + (at + bytes - 1) / array->unit + 1,
                    {address, bytes, access, x.block_epoch});
    } else {
        check_other(address, bytes, access);
    }
}

void check_aligned(const volatile void* address, size_t bytes, Access access) {
    if ((uintptr_t)address % bytes != 0) {
        FAIL(MISALIGNED_ADDRESS, "%s %zu bytes at 0x%zx, which is not a multiple",
             ACCESS_NAMES[access], bytes, (uintptr_t)address);
    }
    check(address, bytes, access);
}

/* The bounds of the library that a function is in. */
void find_image(const void* function) {
    if ((uintptr_t)function - x.image_begin < x.image_end - x.image_begin) {
        return;
    }
    x.image_begin = (uintptr_t)function;
    dl_iterate_phdr(
        [](dl_phdr_info* info, size_t, void* address) {
            uintptr_t begin = UINTPTR_MAX;
            uintptr_t end = 0;
            for (int i = 0; i < info->dlpi_phnum; i++) {
                const auto& header = info->dlpi_phdr[i];
                if (header.p_type == PT_LOAD) {
                    begin = std::min(begin, (uintptr_t)(info->dlpi_addr + header.p_vaddr));
                    end = std::max(end,
                                   (uintptr_t)(info->dlpi_addr + header.p_vaddr + header.p_memsz));
                }
            }
            if ((uintptr_t)address - begin >= end - begin) {
                return 0;
            }
            x.image_begin = begin;
            x.image_end = end;
            return 1;
        },
        (void*)function);
}

}  // namespace

Result check_limits(const char* kernel, Size3 grid, Size3 block, size_t dynamic_shared,
                    size_t dynamic_limit) {
    const char* problem = nullptr;
    if (grid.x == 0 || grid.y == 0 || grid.z == 0 || block.x == 0 || block.y == 0 || block.z == 0) {
        problem = "an empty grid or block";
    } else if (grid.x > MAX_GRID.x || grid.y > MAX_GRID.y || grid.z > MAX_GRID.z) {
        problem = "too many blocks";
    } else if (block.x > MAX_BLOCK.x || block.y > MAX_BLOCK.y || block.z > MAX_BLOCK.z ||
               (uint64_t)block.x * block.y * block.z > MAX_THREADS) {
        problem = "too many threads in a block";
    } else if (dynamic_shared > dynamic_limit) {
        problem = "more shared memory than it may have";
    } else {
        return SUCCESS;
    }
    fprintf(stderr,
            "simulated device: %s: %s: grid (%u, %u, %u), block (%u, %u, %u), %zu bytes of shared "
            "memory of at most %zu\n",
            kernel, problem, grid.x, grid.y, grid.z, block.x, block.y, block.z, dynamic_shared,
            dynamic_limit);
    return INVALID_VALUE;
}

Result launch(const Kernel& kernel, const void* parameter, Size3 grid, Size3 block,
              size_t dynamic_shared, int device) {
    initialize();
    x.kernel = &kernel;
    x.parameter = parameter;
    x.dynamic_shared = dynamic_shared;
    x.device = device;
    x.result = SUCCESS;
    x.arrays_count = 0;
    x.static_shared = 0;
    x.launch_epoch = x.epoch + 1;
    x.shared_next = x.shared + RED_ZONE;
    find_image((const void*)kernel.function);
    blockDim = block;
    gridDim = grid;
    x.threads_count = block.x * block.y * block.z;
    x.free_count = 0;
    for (unsigned i = 0; i < x.threads_count; i++) {
        x.threads[i].index = {i % block.x, i / block.x % block.y, i / (block.x * block.y)};
        Fiber& fiber = x.fibers[x.threads_count - 1 - i];
        if (!fiber.parked) {
            renew(fiber);
        }
        x.free_fibers[x.free_count++] = &fiber;
    }
    /* Blocks and threads come in steps that meet each once: prime to their number. */
    const uint64_t blocks = (uint64_t)grid.x * grid.y * grid.z;
    uint64_t block_stride;
    do {
        block_stride = random_number() % blocks + 1;
    } while (std::gcd(block_stride, blocks) != 1);
    do {
        x.stride = (unsigned)(random_number() % x.threads_count) + 1;
    } while (std::gcd(x.stride, x.threads_count) != 1);
    uint64_t b = random_number() % blocks;
    for (uint64_t i = 0; i < blocks && x.result == SUCCESS; i++) {
        blockIdx = {(unsigned)(b % grid.x), (unsigned)(b / grid.x % grid.y),
                    (unsigned)(b / ((uint64_t)grid.x * grid.y))};
        run_block((unsigned)(random_number() % x.threads_count));
        b = (b + block_stride) % blocks;
    }
    x.current = nullptr;
    x.counts.launches++;
    x.counts.threads += blocks * x.threads_count;
    if (x.result != SUCCESS) {
        for (Fiber& fiber : x.fibers) {
            fiber.parked = false;
        }
    }
    return x.result;
}

Counts counts() {
    return x.counts;
}

}  // namespace sim

/* ---- called by the kernels ---- */

using namespace sim;

extern "C" {

SIM_EXPORT void sim_syncthreads(const char* file, int line) {
    if (x.at_barrier == 0) {
        x.barrier_file = file;
        x.barrier_line = line;
    } else if (line != x.barrier_line || strcmp(file, x.barrier_file) != 0) {
        FAIL(LAUNCH_FAILED, "divergent __syncthreads: at %s:%d, but other threads wait at %s:%d",
             file, line, x.barrier_file, x.barrier_line);
    }
    if (x.ended > 0) {
        FAIL(LAUNCH_FAILED,
             "divergent __syncthreads: at %s:%d, but %u threads of the block have ended", file,
             line, x.ended);
    }
    if (++x.at_barrier < x.threads_count) {
        wait(BARRIER);
        return;
    }
    x.at_barrier = 0;
    next_epoch();
    const unsigned self = number(x.current);
    for (unsigned i = 0, t = self; i + 1 < x.threads_count; i++) {
        t = (t + x.stride) % x.threads_count;
        make_ready(t);
    }
}

SIM_EXPORT const uint64_t* sim_exchange(const char* what, unsigned mask, uint64_t value,
                                        unsigned* present) {
    return meet(what, mask, value, present);
}

SIM_EXPORT void sim_syncwarp(unsigned mask) {
    unsigned present;
    meet("__syncwarp", mask, 0, &present);
    x.current->step++;
}

SIM_EXPORT void* sim_shared(const void* place, const char* name, size_t bytes, size_t unit) {
    for (unsigned i = 0; i < x.arrays_count; i++) {
        if (x.arrays[i].place == place) {
            return (void*)x.arrays[i].begin;
        }
    }
    x.static_shared += bytes;
    if (x.static_shared > MAX_STATIC_SHARED) {
        FAIL(LAUNCH_FAILED, "%zu bytes of static shared memory; at most %zu", x.static_shared,
             MAX_STATIC_SHARED);
    }
    if (x.static_shared + x.dynamic_shared > MAX_SHARED) {
        FAIL(LAUNCH_OUT_OF_RESOURCES,
             "%zu bytes of static and %zu of dynamic shared memory; at most %zu", x.static_shared,
             x.dynamic_shared, MAX_SHARED);
    }
    return add_array(place, name, bytes, unit);
}

SIM_EXPORT void* sim_dynamic_shared(size_t unit) {
    static const char place = 0;
    for (unsigned i = 0; i < x.arrays_count; i++) {
        if (x.arrays[i].place == &place) {
            return (void*)x.arrays[i].begin;
        }
    }
    return add_array(&place, "the dynamic shared memory", x.dynamic_shared, unit);
}

SIM_EXPORT void sim_atomic(const volatile void* address, size_t bytes) {
    check_aligned(address, bytes, ATOMIC);
}

SIM_EXPORT void sim_read(const volatile void* address, size_t bytes) {
    check_aligned(address, bytes, READ);
}

/*
 * Until then the place is poisoned. It counts as written now, which whoever still reads it races
 * with, and again when the thread has waited, with which all that read it before the next barrier
 * race.
 */
SIM_EXPORT void sim_copy_async(void* shared, const void* global, size_t bytes, size_t size) {
    if ((uintptr_t)shared % size != 0 || (uintptr_t)global % size != 0) {
        FAIL(MISALIGNED_ADDRESS, "copies %zu bytes asynchronously from 0x%zx, not a multiple", size,
             (uintptr_t)global);
    }
    if ((uintptr_t)shared - x.shared >= SHARED || (bytes > 0 && !mem.covers((uintptr_t)global))) {
        FAIL(ILLEGAL_ADDRESS, "copies asynchronously, but not from global to shared memory");
    }
    if (bytes > 0) {
        check(global, bytes, READ);
    }
    check(shared, size, WRITE);
    memset(shared, 0xff, size);
    x.current->copies.push_back({shared, global, bytes, size, x.current->group});
}

SIM_EXPORT void sim_copy_commit(void) {
    x.current->group++;
}

SIM_EXPORT void sim_copy_wait(unsigned groups) {
    Thread& thread = *x.current;
    auto copy = thread.copies.begin();
    for (; copy != thread.copies.end() && thread.group - copy->group > groups; copy++) {
        check(copy->to, copy->size, WRITE);
        memcpy(copy->to, copy->from, copy->bytes);
        memset((char*)copy->to + copy->bytes, 0, copy->size - copy->bytes);
    }
    thread.copies.erase(thread.copies.begin(), copy);
}

SIM_EXPORT void sim_trap(void) {
    FAIL(LAUNCH_FAILED, "__trap");
}

/* ---- called because of -fsanitize=thread ---- */

SIM_EXPORT void __tsan_init(void) {}
SIM_EXPORT void __tsan_func_entry(void*) {}
SIM_EXPORT void __tsan_func_exit(void) {}
#define HOOKS(bytes)                               \
    SIM_EXPORT void __tsan_read##bytes(void* p) {  \
        check(p, bytes, READ);                     \
    }                                              \
    SIM_EXPORT void __tsan_write##bytes(void* p) { \
        check(p, bytes, WRITE);                    \
    }
HOOKS(1)
HOOKS(2)
HOOKS(4)
HOOKS(8)
HOOKS(16)
SIM_EXPORT void __tsan_read_range(void* p, size_t bytes) {
    check(p, bytes, READ);
}
SIM_EXPORT void __tsan_write_range(void* p, size_t bytes) {
    check(p, bytes, WRITE);
}

/* ---- called because of -fsanitize=alignment,bounds; the layouts are the compiler's ---- */

struct Place {
    const char* file;
    uint32_t line;
    uint32_t column;
};
struct Mismatch {
    Place place;
    const void* type;
    uint8_t log_alignment;
    uint8_t kind;
};

SIM_EXPORT void __ubsan_handle_type_mismatch_v1(const Mismatch* what, const void* pointer) {
    FAIL(MISALIGNED_ADDRESS, "misaligned: 0x%zx is not a multiple of %u, at %s:%u",
         (uintptr_t)pointer, 1u << what->log_alignment, what->place.file, what->place.line);
}
SIM_EXPORT void __ubsan_handle_out_of_bounds(const Place* place, uintptr_t index) {
    FAIL(ILLEGAL_ADDRESS, "index %zu is outside of an array, at %s:%u", index, place->file,
         place->line);
}

}  // extern "C"
