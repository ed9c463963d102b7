/*
 * Runs kernels on the host: blocks one after another, the threads of a block as fibers, every load
 * and store checked. One launch at a time; the caller's thread does the work.
 *
 * A violated check prints one line to stderr and ends the launch with an error of the driver API.
 */
#ifndef SIM_EXECUTOR_H
#define SIM_EXECUTOR_H

#include <cstddef>
#include <cstdint>

#define SIM_EXPORT __attribute__((visibility("default")))

namespace sim {

/* Values of CUresult. */
enum Result : int {
    SUCCESS = 0,
    INVALID_VALUE = 1,
    OUT_OF_MEMORY = 2,
    NOT_INITIALIZED = 3,
    DEINITIALIZED = 4,
    NO_DEVICE = 100,
    INVALID_DEVICE = 101,
    INVALID_IMAGE = 200,
    INVALID_CONTEXT = 201,
    NO_BINARY_FOR_GPU = 209,
    FILE_NOT_FOUND = 301,
    INVALID_HANDLE = 400,
    ILLEGAL_STATE = 401,
    NOT_FOUND = 500,
    NOT_READY = 600,
    ILLEGAL_ADDRESS = 700,
    LAUNCH_OUT_OF_RESOURCES = 701,
    HOST_MEMORY_ALREADY_REGISTERED = 712,
    HOST_MEMORY_NOT_REGISTERED = 713,
    MISALIGNED_ADDRESS = 716,
    LAUNCH_FAILED = 719,
    NOT_SUPPORTED = 801,
    STREAM_CAPTURE_UNSUPPORTED = 900,
    STREAM_CAPTURE_INVALIDATED = 901,
    STREAM_CAPTURE_UNMATCHED = 903,
    STREAM_CAPTURE_ISOLATION = 905,
    STREAM_CAPTURE_IMPLICIT = 906,
    STREAM_CAPTURE_WRONG_THREAD = 908,
    UNKNOWN = 999
};

struct Size3 {
    unsigned x, y, z;
};

/* A kernel of the compiled .cu files: it takes its parameter by reference. */
struct Kernel {
    const char* name;
    void (*function)(const void* parameter);
    size_t parameter_bytes;
};

/* What compute capability 8.0 to 12.0 have in common. */
constexpr unsigned MAX_THREADS = 1024;
constexpr Size3 MAX_BLOCK = {1024, 1024, 64};
constexpr Size3 MAX_GRID = {2147483647, 65535, 65535};
constexpr size_t MAX_STATIC_SHARED = 48 * 1024;
constexpr size_t MAX_SHARED = 99 * 1024; /* with the attribute, on every capability */

/* Limits are checked by the caller; `device` owns the memory that the kernel may touch. */
SIM_EXPORT Result launch(const Kernel& kernel, const void* parameter, Size3 grid, Size3 block,
                         size_t dynamic_shared, int device);

/* INVALID_VALUE, and a line on stderr, where a launch is beyond the device. */
SIM_EXPORT Result check_limits(const char* kernel, Size3 grid, Size3 block, size_t dynamic_shared,
                               size_t dynamic_limit);

/* Checks done, for tests. */
struct Counts {
    uint64_t launches;
    uint64_t threads;
    uint64_t accesses; /* of device or shared memory */
};
SIM_EXPORT Counts counts();

}  // namespace sim

#endif
