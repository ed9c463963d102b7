/*
 * The driver's interface as the tests of the simulated device use it, and checks that run in a
 * process of their own, because a device that failed stays so.
 */
#ifndef FIXTURE_H
#define FIXTURE_H

#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <numeric>
#include <string>
#include <vector>

using Address = uintptr_t;

extern "C" {
int cuInit(unsigned flags);
int cuDriverGetVersion(int* version);
int cuGetErrorName(int result, const char** name);
int cuDeviceGetCount(int* count);
int cuDeviceGetAttribute(int* value, int attribute, int device);
int cuDevicePrimaryCtxRetain(void** context, int device);
int cuDevicePrimaryCtxReset_v2(int device);
int cuCtxSetCurrent(void* context);
int cuCtxSynchronize(void);
int cuCtxPushCurrent_v2(void* context);
int cuMemGetInfo_v2(size_t* free, size_t* total);
int cuMemAlloc_v2(Address* address, size_t bytes);
int cuMemFree_v2(Address address);
int cuMemHostAlloc(void** address, size_t bytes, unsigned flags);
int cuMemFreeHost(void* address);
int cuMemcpyHtoD_v2(Address to, const void* from, size_t bytes);
int cuMemcpyDtoH_v2(void* to, Address from, size_t bytes);
int cuMemcpyHtoDAsync_v2(Address to, const void* from, size_t bytes, void* stream);
int cuMemcpyDtoHAsync_v2(void* to, Address from, size_t bytes, void* stream);
int cuMemsetD32Async(Address to, unsigned value, size_t count, void* stream);
int cuStreamCreate(void** stream, unsigned flags);
int cuStreamDestroy_v2(void* stream);
int cuStreamSynchronize(void* stream);
int cuStreamQuery(void* stream);
int cuStreamWaitEvent(void* stream, void* event, unsigned flags);
int cuEventCreate(void** event, unsigned flags);
int cuEventRecord(void* event, void* stream);
int cuEventSynchronize(void* event);
int cuEventDestroy_v2(void* event);
int cuModuleLoadData(void** module, const void* image);
int cuModuleGetFunction(void** function, void* module, const char* name);
int cuFuncGetParamInfo(void* function, size_t index, size_t* offset, size_t* bytes);
int cuFuncSetAttribute(void* function, int attribute, int value);
int cuLaunchKernel(void* function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                   unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared_bytes,
                   void* stream, void** parameters, void** extra);
int cuStreamBeginCapture_v2(void* stream, int mode);
int cuStreamEndCapture(void* stream, void** graph);
int cuGraphInstantiateWithFlags(void** exec, void* graph, unsigned long long flags);
int cuGraphLaunch(void* exec, void* stream);
int cuGraphExecDestroy(void* exec);
int cuGraphDestroy(void* graph);
}

enum {
    INVALID_VALUE = 1,
    OUT_OF_MEMORY = 2,
    NO_DEVICE = 100,
    INVALID_IMAGE = 200,
    INVALID_HANDLE = 400,
    NOT_FOUND = 500,
    NOT_READY = 600,
    ILLEGAL_ADDRESS = 700,
    MISALIGNED_ADDRESS = 716,
    LAUNCH_FAILED = 719,
    NOT_SUPPORTED = 801,
    CAPTURE_UNSUPPORTED = 900,
    CAPTURE_INVALIDATED = 901
};
constexpr unsigned NON_BLOCKING = 1;
constexpr int THREAD_LOCAL = 1;
constexpr char IMAGE[] = ".version 8.0";

inline int failures = 0;

/* Ends the process of this check. */
#define CHECK(condition)                                                    \
    do {                                                                    \
        if (!(condition)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            _exit(1);                                                       \
        }                                                                   \
    } while (0)

#define OK(call) CHECK((call) == 0)

/* A device with a stream. */
struct Fixture {
    void* context;
    void* module;
    void* stream;

    Fixture() {
        OK(cuInit(0));
        OK(cuDevicePrimaryCtxRetain(&context, 0));
        OK(cuCtxSetCurrent(context));
        OK(cuModuleLoadData(&module, IMAGE));
        OK(cuStreamCreate(&stream, NON_BLOCKING));
    }

    static Address allocate(size_t floats) {
        Address address;
        OK(cuMemAlloc_v2(&address, floats * sizeof(float)));
        return address;
    }
    /* 0, 1, 2, … */
    static Address numbers(size_t floats) {
        std::vector<float> values(floats);
        std::iota(values.begin(), values.end(), 0.0f);
        const Address address = allocate(floats);
        OK(cuMemcpyHtoD_v2(address, values.data(), floats * sizeof(float)));
        return address;
    }
    std::vector<float> read(Address address, size_t floats) const {
        std::vector<float> values(floats);
        OK(cuStreamSynchronize(stream));
        OK(cuMemcpyDtoH_v2(values.data(), address, floats * sizeof(float)));
        return values;
    }

    void* function(const char* name) const {
        void* f;
        OK(cuModuleGetFunction(&f, module, name));
        return f;
    }
    int launch(const char* name, Address x, Address out, int64_t n, unsigned grid, unsigned block,
               unsigned shared_bytes = 0) const {
        struct {
            Address x;
            Address out;
            int64_t n;
        } parameter = {x, out, n};
        void* parameters[] = {&parameter};
        return cuLaunchKernel(function(name), grid, 1, 1, block, 1, 1, shared_bytes, stream,
                              parameters, nullptr);
    }
    int synchronize() const {
        return cuStreamSynchronize(stream);
    }
};

/* A check that must succeed without a word, or (with `expected`) say this on stderr. */
inline void check(const char* name, const std::function<void()>& body,
                  const char* expected = nullptr, int signal = 0) {
    int channel[2];
    if (pipe(channel) != 0) {
        abort();
    }
    fflush(nullptr);
    const pid_t child = fork();
    if (child == 0) {
        dup2(channel[1], 2);
        close(channel[0]);
        close(channel[1]);
        alarm(60);
        body();
        _exit(0);
    }
    close(channel[1]);
    std::string said;
    char part[4096];
    for (ssize_t n; (n = ::read(channel[0], part, sizeof part)) > 0;) {
        said.append(part, (size_t)n);
    }
    close(channel[0]);
    int status;
    waitpid(child, &status, 0);
    const bool ended = signal != 0 ? WIFSIGNALED(status) && WTERMSIG(status) == signal
                                   : WIFEXITED(status) && WEXITSTATUS(status) == 0;
    const bool right_words = expected == nullptr ? said.empty() : said.find(expected) != said.npos;
    if (!ended || !right_words) {
        failures++;
        printf("FAILED %s (status 0x%x)\n  said: %s\n  expected: %s\n", name, (unsigned)status,
               said.c_str(), expected == nullptr ? "" : expected);
    } else {
        printf("ok %s%s%s\n", name, said.empty() ? "" : ": ",
               said.substr(0, said.find('\n')).c_str());
    }
}

/* The planted kernels, which lie beside the test. */
inline void use_kernels(const std::string& test) {
    const std::string folder = test.substr(0, test.rfind('/') + 1);
    setenv("ADJOINT_SIMULATED_KERNELS", (folder + "libplanted_kernels.so").c_str(), 1);
}

/* The exit code of the tests. */
inline int report() {
    printf("%d failed\n", failures);
    return failures != 0;
}

#endif
