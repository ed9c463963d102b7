/*
 * The simulated device through the driver's interface: what is sound works, and each planted fault
 * is caught and named.
 */
#include "fixture.h"

namespace {

/* A kernel on 100 numbers of which it is given memory for n, in blocks of 128 threads. */
void check_kernel(const char* kernel, int expected_result, const char* expected,
                  unsigned threads = 128, unsigned grid = 1, size_t floats = 128) {
    check(
        kernel,
        [=] {
            const Fixture f;
            const Address x = Fixture::numbers(floats);
            const Address out = Fixture::allocate(floats);
            OK(f.launch(kernel, x, out, (int64_t)floats, grid, threads));
            CHECK(f.synchronize() == expected_result);
            if (expected_result != 0) { /* and every later call */
                Address more;
                CHECK(cuMemAlloc_v2(&more, 4) == expected_result);
                OK(cuDevicePrimaryCtxReset_v2(0));
                OK(cuMemAlloc_v2(&more, 4));
            }
        },
        expected);
}

void sound_kernels() {
    check("blocks and threads", [] {
        const Fixture f;
        const Address x = Fixture::numbers(1000);
        const Address out = Fixture::allocate(1000);
        OK(f.launch("adj_double", x, out, 1000, 4, 256));
        const std::vector<float> y = f.read(out, 1000);
        for (size_t i = 0; i < y.size(); i++) {
            CHECK(y[i] == 2.0f * (float)i);
        }
    });
    for (const unsigned threads : {32u, 64u, 96u, 256u, 1024u}) {
        check("barriers and shuffles", [threads] {
            const Fixture f;
            const Address x = Fixture::numbers(3 * threads);
            const Address out = Fixture::allocate(3 * threads);
            OK(f.launch("adj_block_sum", x, out, 0, 3, threads));
            const std::vector<float> y = f.read(out, 3 * threads);
            for (unsigned i = 0; i < 3 * threads; i++) {
                const unsigned first = i / threads * threads;
                double sum = 0;
                for (unsigned j = 0; j < threads; j++) {
                    sum += first + j;
                }
                CHECK(y[i] == (float)sum);
            }
        });
    }
    check("shared memory", [] {
        const Fixture f;
        const Address x = Fixture::numbers(512);
        const Address out = Fixture::allocate(512);
        OK(f.launch("adj_reverse", x, out, 512, 2, 256));
        std::vector<float> y = f.read(out, 512);
        for (size_t i = 0; i < 512; i++) {
            CHECK(y[i] == (float)(i / 256 * 256 + 255 - i % 256));
        }
        OK(f.launch("adj_rotate", x, out, 512, 2, 256));
        y = f.read(out, 512);
        for (size_t i = 0; i < 512; i++) {
            CHECK(y[i] == (float)(i / 256 * 256 + (i + 3) % 256));
        }
        OK(f.launch("adj_exchange", x, out, 512, 2, 256));
        CHECK(f.read(out, 512)[6] == 7);
        OK(f.launch("adj_dynamic_shared", x, out, 512, 2, 256, 1024));
        CHECK(f.read(out, 512)[300] == 300);
    });
    check("shuffles and votes", [] {
        const Fixture f;
        const Address out = Fixture::allocate(256);
        OK(f.launch("adj_shuffles", 0, out, 0, 1, 32));
        const std::vector<float> y = f.read(out, 256);
        for (int lane = 0; lane < 32; lane++) {
            const float* const got = &y[8 * (size_t)lane];
            CHECK(got[0] == 5);
            CHECK(got[1] == (float)(lane / 8 * 8 + 5));
            CHECK(got[2] == (float)(lane < 3 ? lane : lane - 3));
            CHECK(got[3] == (float)(lane % 16 < 13 ? lane + 3 : lane));
            CHECK(got[4] == (float)(lane ^ 9));
            CHECK(got[5] == (float)(0x49249249u >> 16));
            CHECK(got[6] == 1);
            CHECK(got[7] == (float)(lane < 16 ? 7 : lane < 31 ? lane + 1 : lane));
        }
    });
    check("atomic operations", [] {
        const Fixture f;
        const Address out = Fixture::allocate(1);
        OK(cuMemsetD32Async(out, 0, 1, f.stream));
        OK(f.launch("adj_count", 0, out, 0, 5, 100));
        CHECK(f.read(out, 1)[0] == 500);
    });
    check("seeded order", [] {
        const Fixture f;
        const Address out = Fixture::allocate(65);
        OK(cuMemsetD32Async(out, 0, 65, f.stream));
        OK(f.launch("adj_order", 0, out, 64, 1, 64));
        const std::vector<float> y = f.read(out, 65);
        std::vector<int> seen(64);
        bool in_order = true;
        for (size_t i = 0; i < 64; i++) {
            in_order = in_order && y[i] == (float)i;
            seen[(size_t)y[i]]++;
        }
        CHECK(!in_order);
        CHECK(seen == std::vector<int>(64, 1));
    });
    check("16-bit types", [] {
        const Fixture f;
        const float values[] = {1.0f,     1.00390625f, 1.01171875f, -3.14159f, 65519.9f,
                                65520.0f, 6.0e-8f,     2.9e-8f,     INFINITY,  -0.0f};
        const float bf16[] = {1.0f,     1.0f,     1.015625f,       -3.140625f,
                              65536.0f, 65536.0f, 6.007030606e-8f, 2.898741513e-8f,
                              INFINITY, -0.0f};
        const float f16[] = {1.0f,     1.00390625f, 1.01171875f, -3.140625f, 65504.0f,
                             INFINITY, 0x1p-24f,    0.0f,        INFINITY,   -0.0f};
        const Address x = Fixture::allocate(10);
        const Address out = Fixture::allocate(20);
        OK(cuMemcpyHtoD_v2(x, values, sizeof values));
        OK(f.launch("adj_halves", x, out, 10, 1, 10));
        const std::vector<float> y = f.read(out, 20);
        for (size_t i = 0; i < 10; i++) {
            CHECK(y[2 * i] == bf16[i] && std::signbit(y[2 * i]) == std::signbit(bf16[i]));
            CHECK(y[2 * i + 1] == f16[i] && std::signbit(y[2 * i + 1]) == std::signbit(f16[i]));
        }
    });
    check("asynchronous copies", [] {
        const Fixture f;
        const Address x = Fixture::numbers(512);
        const Address out = Fixture::allocate(512);
        OK(f.launch("adj_copy_async_sound", x, out, 0, 1, 128));
        std::vector<float> y = f.read(out, 512);
        CHECK(y[0] == 4 && y[507] == 511 && y[511] == 3);
        OK(f.launch("adj_copy_async_groups", x + 16, out, 3, 1, 1));
        y = f.read(out, 8);
        CHECK(y[0] == 4 && y[2] == 6 && y[3] == 0 && std::isnan(y[4]) && std::isnan(y[7]));
    });
    check("products of tensor cores", [] {
        const Fixture f;
        const Address out = Fixture::allocate(512);
        OK(f.launch("adj_mma_product", 0, out, 0, 1, 32));
        std::vector<float> y = f.read(out, 128);
        for (int i = 0; i < 16; i++) {
            for (int j = 0; j < 8; j++) {
                int sum = 1;
                for (int k = 0; k < 16; k++) {
                    sum += (i * 3 - k) * (k * k % 7 - 5 * j);
                }
                CHECK(y[(size_t)(i * 8 + j)] == (float)sum);
            }
        }
        OK(f.launch("adj_matrices", 0, out, 0, 1, 32));
        y = f.read(out, 512);
        for (int lane = 0; lane < 32; lane++) {
            for (int i = 0; i < 8; i++) {
                const int row = lane / 4;
                const int column = lane % 4 * 2 + i % 2;
                CHECK(y[(size_t)(lane * 8 + i)] == (float)(i / 2 * 64 + row * 8 + column));
                CHECK(y[(size_t)(256 + lane * 8 + i)] == (float)(i / 2 * 64 + column * 8 + row));
            }
        }
    });
    check("unset memory is not a number", [] {
        const Fixture f;
        const Address out = Fixture::allocate(128);
        CHECK(std::isnan(f.read(out, 128)[77]));
        OK(f.launch("adj_shared_unset", 0, out, 0, 1, 128));
        const std::vector<float> y = f.read(out, 128);
        CHECK(y[0] == 1 && std::isnan(y[1]) && std::isnan(y[127]));
    });
}

void planted_kernels() {
    check_kernel("adj_double", 0, nullptr);
    check_kernel("adj_read_beyond", ILLEGAL_ADDRESS,
                 "adj_read_beyond, block (0, 0, 0), thread (127, 0, 0): reads 4 bytes", 128, 1,
                 127);
    check_kernel("adj_write_beyond", ILLEGAL_ADDRESS, "writes 4 bytes", 128, 1, 127);
    check_kernel("adj_same_element", LAUNCH_FAILED, "race in device memory: writes what thread");
    check_kernel("adj_same_element_of_blocks", LAUNCH_FAILED,
                 "race in device memory: writes what another block wrote", 64, 2);
    check("a barrier orders device memory in a block", [] {
        const Fixture f;
        const Address x = Fixture::numbers(128);
        OK(f.launch("adj_reverse_all", x, x, 128, 1, 128));
        CHECK(f.read(x, 128)[0] == 127);
        const Address out = Fixture::allocate(128);
        OK(f.launch("adj_reverse_all", x, out, 128, 4, 32));
        CHECK(f.read(out, 128)[5] == 5);
    });
    check(
        "no barrier orders device memory between blocks",
        [] {
            const Fixture f;
            const Address x = Fixture::numbers(128);
            OK(f.launch("adj_reverse_all", x, x, 128, 4, 32));
            CHECK(f.synchronize() == LAUNCH_FAILED);
        },
        "race in device memory");
    check_kernel("adj_reverse_without_barrier", LAUNCH_FAILED, "race in shared memory");
    check_kernel("adj_rotate_without_barrier", LAUNCH_FAILED, "race in shared memory");
    check_kernel("adj_exchange_without_barrier", LAUNCH_FAILED, "race in shared memory");
    check_kernel("adj_count_while_read", LAUNCH_FAILED, "race in shared memory");
    check_kernel("adj_copy_async_without_wait", LAUNCH_FAILED,
                 "ends without waiting for 1 of its asynchronous copies", 32);
    check_kernel("adj_copy_async_without_barrier", LAUNCH_FAILED, "race in shared memory", 32);
    check_kernel("adj_copy_async_too_early", LAUNCH_FAILED, "race in shared memory", 32);
    check_kernel("adj_matrices_without_barrier", LAUNCH_FAILED, "race in shared memory", 32);
    check_kernel("adj_mma_half", LAUNCH_FAILED, "__trap", 32);
    check_kernel("adj_divergent_barrier", LAUNCH_FAILED, "divergent __syncthreads");
    check_kernel("adj_early_end", LAUNCH_FAILED, "divergent __syncthreads", 128, 1, 127);
    check_kernel("adj_shared_beyond", ILLEGAL_ADDRESS, "shared memory outside of every array");
    check_kernel("adj_dynamic_shared", ILLEGAL_ADDRESS, "shared memory outside of every array");
    check_kernel("adj_static_shared_too_large", LAUNCH_FAILED, "static shared memory");
    check_kernel("adj_divergent_warp", LAUNCH_FAILED, "divergent warp", 32);
    check_kernel("adj_wrong_mask", LAUNCH_FAILED, "leaves out the own lane", 32);
    check_kernel("adj_deadlock", LAUNCH_FAILED, "waits for ever", 32);
    check_kernel("adj_trap", LAUNCH_FAILED, "__trap");
    check(
        "misaligned vector",
        [] {
            const Fixture f;
            const Address x = Fixture::numbers(128);
            const Address out = Fixture::allocate(128);
            OK(f.launch("adj_vectors", x, out, 128, 1, 32));
            OK(f.synchronize());
            OK(f.launch("adj_vectors", x + 4, out, 64, 1, 32));
            CHECK(f.synchronize() == MISALIGNED_ADDRESS);
        },
        "is not a multiple of 16");
    check(
        "memory of the host",
        [] {
            const Fixture f;
            const std::vector<float> x(128);
            const Address out = Fixture::allocate(128);
            OK(f.launch("adj_double", (Address)x.data(), out, 128, 1, 128));
            CHECK(f.synchronize() == ILLEGAL_ADDRESS);
        },
        "no memory of the device");
    check(
        "null",
        [] {
            const Fixture f;
            const Address x = Fixture::numbers(128);
            OK(f.launch("adj_double", x, 0, 128, 1, 128));
            CHECK(f.synchronize() == ILLEGAL_ADDRESS);
        },
        "writes 4 bytes at 0x");
    check(
        "freed memory",
        [] {
            const Fixture f;
            const Address x = Fixture::numbers(128);
            const Address out = Fixture::allocate(128);
            OK(f.launch("adj_double", x, out, 128, 1, 128));
            OK(cuMemFree_v2(x)); /* without waiting first */
            CHECK(f.synchronize() == ILLEGAL_ADDRESS);
        },
        "that were freed");
    check(
        "freed twice",
        [] {
            const Fixture f;
            const Address x = Fixture::numbers(128);
            OK(cuMemFree_v2(x));
            CHECK(cuMemFree_v2(x) == INVALID_VALUE);
        },
        "that were freed");
    check(
        "memory of a device, touched by the host",
        [] {
            const Fixture f;
            const Address x = Fixture::numbers(128);
            OK(f.synchronize());
            *(volatile float*)x = 1;
        },
        "", SIGSEGV);
}

void launches() {
    const auto limits = [](unsigned grid, unsigned threads, unsigned shared_bytes) {
        return [=] {
            const Fixture f;
            const Address x = Fixture::numbers(128);
            CHECK(f.launch("adj_double", x, x, 128, grid, threads, shared_bytes) == INVALID_VALUE);
            OK(f.launch("adj_double", x, x, 128, 1, 128));
            OK(f.synchronize());
        };
    };
    check("threads of a block", limits(1, 1025, 0), "adj_double: too many threads in a block");
    check("an empty grid", limits(0, 128, 0), "an empty grid");
    check("dynamic shared memory", limits(1, 128, 48 * 1024 + 1), "more shared memory");
    check("dynamic shared memory, allowed", [] {
        const Fixture f;
        const Address x = Fixture::numbers(128);
        void* const function = f.function("adj_dynamic_shared");
        CHECK(cuFuncSetAttribute(function, 8, 1 << 20) == INVALID_VALUE);
        OK(cuFuncSetAttribute(function, 8, 64 * 1024));
        OK(f.launch("adj_dynamic_shared", x, x, 128, 1, 128, 64 * 1024));
        OK(f.synchronize());
    });
    check(
        "blocks in y",
        [] {
            const Fixture f;
            const Address x = Fixture::numbers(128);
            uintptr_t parameter[] = {x, x, 128};
            void* parameters[] = {parameter};
            CHECK(cuLaunchKernel(f.function("adj_double"), 1, 65536, 1, 32, 1, 1, 0, f.stream,
                                 parameters, nullptr) == INVALID_VALUE);
        },
        "too many blocks");
    check(
        "parameters",
        [] {
            const Fixture f;
            void* const function = f.function("adj_double");
            size_t offset;
            size_t bytes;
            OK(cuFuncGetParamInfo(function, 0, &offset, &bytes));
            CHECK(offset == 0 && bytes == 24);
            CHECK(cuFuncGetParamInfo(function, 1, &offset, &bytes) == INVALID_VALUE);
            uintptr_t parameter[3] = {};
            bytes = 16;
            void* extra[] = {(void*)1, parameter, (void*)2, &bytes, nullptr};
            CHECK(cuLaunchKernel(function, 1, 1, 1, 1, 1, 1, 0, f.stream, nullptr, extra) ==
                  INVALID_VALUE);
            bytes = 24;
            OK(cuLaunchKernel(function, 1, 1, 1, 1, 1, 1, 0, f.stream, nullptr, extra));
            OK(f.synchronize());
        },
        "adj_double takes 24 bytes of parameters, not 16");
    check("long parameters", [] {
        setenv("ADJOINT_SIMULATED_DRIVER", "12010", 1);
        const Fixture f;
        const Address out = Fixture::numbers(2);
        std::vector<int64_t> parameter(4095);
        parameter[0] = (int64_t)out;
        parameter[4094] = -7;
        void* parameters[] = {parameter.data()};
        OK(cuLaunchKernel(f.function("adj_parameters_32760"), 1, 1, 1, 1, 1, 1, 0, f.stream,
                          parameters, nullptr));
        OK(f.synchronize());
        int64_t found;
        OK(cuMemcpyDtoH_v2(&found, out, sizeof found));
        CHECK(found == -7);
    });
    const auto too_long = [](const char* driver, const char* taken, const char* refused) {
        return [=] {
            setenv("ADJOINT_SIMULATED_DRIVER", driver, 1);
            const Fixture f;
            void* p;
            OK(cuModuleGetFunction(&p, f.module, taken));
            CHECK(cuModuleGetFunction(&p, f.module, refused) == INVALID_IMAGE);
        };
    };
    check("parameters too long for CUDA 12.0",
          too_long("12000", "adj_parameters_4096", "adj_parameters_32760"),
          "adj_parameters_32760: 32760 bytes of parameters, this driver takes 4096");
    check("parameters too long for CUDA 13",
          too_long("13000", "adj_parameters_32760", "adj_parameters_32768"),
          "adj_parameters_32768: 32768 bytes of parameters, this driver takes 32764");
    check("names and images", [] {
        const Fixture f;
        void* p;
        CHECK(cuModuleGetFunction(&p, f.module, "adj_nothing") == NOT_FOUND);
        CHECK(cuModuleLoadData(&p, "no image") == INVALID_IMAGE);
        const char* name;
        OK(cuGetErrorName(NOT_FOUND, &name));
        CHECK(strcmp(name, "CUDA_ERROR_NOT_FOUND") == 0);
    });
    check(
        "calls that are not simulated",
        [] {
            const Fixture f;
            CHECK(cuCtxPushCurrent_v2(f.context) == NOT_SUPPORTED);
        },
        "cuCtxPushCurrent_v2 is not simulated");
}

void streams() {
    check("nothing runs before somebody waits", [] {
        const Fixture f;
        float* host;
        OK(cuMemHostAlloc((void**)&host, 128 * sizeof(float), 0));
        host[5] = -1;
        const Address x = Fixture::numbers(128);
        OK(f.launch("adj_double", x, x, 128, 1, 128));
        OK(cuMemcpyDtoHAsync_v2(host, x, 128 * sizeof(float), f.stream));
        CHECK(host[5] == -1);
        CHECK(cuStreamQuery(f.stream) == NOT_READY);
        OK(f.synchronize());
        CHECK(host[5] == 10);
        OK(cuStreamQuery(f.stream));
    });
    check("events", [] {
        const Fixture f;
        void* other;
        void* event;
        OK(cuStreamCreate(&other, NON_BLOCKING));
        OK(cuEventCreate(&event, 0));
        OK(cuEventSynchronize(event)); /* never recorded */
        const Address x = Fixture::numbers(128);
        const Address out = Fixture::allocate(128);
        OK(f.launch("adj_double", x, x, 128, 1, 128));
        OK(cuEventRecord(event, f.stream));
        OK(f.launch("adj_double", x, x, 128, 1, 128));
        OK(cuStreamWaitEvent(other, event, 0));
        uintptr_t parameter[] = {x, out, 128};
        void* parameters[] = {parameter};
        OK(cuLaunchKernel(f.function("adj_double"), 1, 1, 1, 128, 1, 1, 0, other, parameters,
                          nullptr));
        OK(cuStreamSynchronize(other));
        std::vector<float> y(128);
        OK(cuMemcpyDtoH_v2(y.data(), out, sizeof(float) * 128));
        CHECK(y[3] == 12); /* the second launch of the first stream has not run */
        OK(cuEventSynchronize(event));
        CHECK(f.read(x, 128)[3] == 12);
        OK(cuEventDestroy_v2(event));
        CHECK(cuEventSynchronize(event) == INVALID_HANDLE);
        OK(cuStreamDestroy_v2(other));
        CHECK(cuStreamSynchronize(other) == INVALID_HANDLE);
    });
    check("a copy on the legacy stream does not wait for a stream of its own", [] {
        const Fixture f;
        const Address x = Fixture::numbers(128);
        OK(f.launch("adj_double", x, x, 128, 1, 128));
        std::vector<float> y(128);
        OK(cuMemcpyDtoH_v2(y.data(), x, sizeof(float) * 128));
        CHECK(y[3] == 3);
        void* blocking;
        OK(cuStreamCreate(&blocking, 0));
        uintptr_t parameter[] = {x, x, 128};
        void* parameters[] = {parameter};
        OK(cuLaunchKernel(f.function("adj_double"), 1, 1, 1, 128, 1, 1, 0, blocking, parameters,
                          nullptr));
        OK(cuMemcpyDtoH_v2(y.data(), x, sizeof(float) * 128));
        CHECK(y[3] == 6);
    });
    check("memory of the host that is not page-locked is copied at once", [] {
        const Fixture f;
        const Address x = Fixture::numbers(128);
        std::vector<float> host(128, 7);
        OK(cuMemcpyHtoDAsync_v2(x, host.data(), 512, f.stream));
        host.assign(128, 8);
        CHECK(f.read(x, 128)[100] == 7);
    });
    check(
        "memory of the host that changes too early",
        [] {
            const Fixture f;
            float* host;
            OK(cuMemHostAlloc((void**)&host, 512, 0));
            const Address x = Fixture::numbers(128);
            OK(cuMemcpyHtoDAsync_v2(x, host, 512, f.stream));
            host[100] = 1;
            CHECK(f.synchronize() == ILLEGAL_ADDRESS);
        },
        "changed before the copy ran");
    check(
        "memory of the host that is freed too early",
        [] {
            const Fixture f;
            float* host;
            OK(cuMemHostAlloc((void**)&host, 512, 0));
            const Address x = Fixture::numbers(128);
            OK(cuMemcpyDtoHAsync_v2(host, x, 512, f.stream));
            OK(cuMemFreeHost(host));
            CHECK(f.synchronize() == ILLEGAL_ADDRESS);
        },
        "was freed before the copy ran");
    check(
        "a copy beyond an allocation",
        [] {
            const Fixture f;
            const Address x = Fixture::numbers(128);
            std::vector<float> host(129);
            CHECK(cuMemcpyDtoH_v2(host.data(), x, 129 * 4) == INVALID_VALUE);
        },
        "cuMemcpyDtoH of 516 bytes");
}

void graphs() {
    check("capture and replay", [] {
        const Fixture f;
        const Address x = Fixture::numbers(128);
        OK(cuStreamBeginCapture_v2(f.stream, THREAD_LOCAL));
        OK(f.launch("adj_double", x, x, 128, 1, 128));
        OK(f.launch("adj_double", x, x, 128, 1, 128));
        void* graph;
        void* exec;
        OK(cuStreamEndCapture(f.stream, &graph));
        OK(cuGraphInstantiateWithFlags(&exec, graph, 0));
        OK(cuGraphDestroy(graph));
        CHECK(f.read(x, 128)[1] == 1); /* captured is not run */
        OK(cuGraphLaunch(exec, f.stream));
        OK(cuGraphLaunch(exec, f.stream));
        CHECK(f.read(x, 128)[1] == 16);
        OK(cuGraphExecDestroy(exec));
        CHECK(cuGraphLaunch(exec, f.stream) == INVALID_HANDLE);
    });
    check("what a capture forbids", [] {
        const Fixture f;
        Address address;
        void* graph;
        OK(cuStreamBeginCapture_v2(f.stream, THREAD_LOCAL));
        CHECK(cuMemAlloc_v2(&address, 4) == CAPTURE_UNSUPPORTED);
        CHECK(cuStreamEndCapture(f.stream, &graph) == CAPTURE_INVALIDATED);
        OK(cuStreamBeginCapture_v2(f.stream, THREAD_LOCAL));
        CHECK(f.synchronize() == CAPTURE_UNSUPPORTED);
        CHECK(cuStreamEndCapture(f.stream, &graph) == CAPTURE_INVALIDATED);
        OK(cuMemAlloc_v2(&address, 4));
    });
}

void devices() {
    check("a full device", [] {
        setenv("ADJOINT_SIMULATED_MEMORY", "1000000", 1);
        const Fixture f;
        Address address;
        CHECK(cuMemAlloc_v2(&address, 2000000) == OUT_OF_MEMORY);
        OK(cuMemAlloc_v2(&address, 600000));
        size_t free;
        size_t total;
        OK(cuMemGetInfo_v2(&free, &total));
        CHECK(total == 1000000 && free <= 400000);
        Address more;
        CHECK(cuMemAlloc_v2(&more, 600000) == OUT_OF_MEMORY);
        OK(cuMemFree_v2(address));
        OK(cuMemAlloc_v2(&more, 600000));
    });
    check("settings", [] {
        setenv("ADJOINT_SIMULATED_DRIVER", "12020", 1);
        setenv("ADJOINT_SIMULATED_CAPABILITY", "75", 1);
        setenv("ADJOINT_SIMULATED_DEVICES", "2", 1);
        int value;
        OK(cuDriverGetVersion(&value));
        CHECK(value == 12020);
        OK(cuInit(0));
        OK(cuDeviceGetCount(&value));
        CHECK(value == 2);
        OK(cuDeviceGetAttribute(&value, 75, 1));
        CHECK(value == 7);
        OK(cuDeviceGetAttribute(&value, 76, 1));
        CHECK(value == 5);
    });
    check("no device", [] {
        setenv("ADJOINT_SIMULATED_DEVICES", "0", 1);
        CHECK(cuInit(0) == NO_DEVICE);
    });
    check(
        "memory of another device",
        [] {
            setenv("ADJOINT_SIMULATED_DEVICES", "2", 1);
            OK(cuInit(0));
            void* second;
            OK(cuDevicePrimaryCtxRetain(&second, 1));
            OK(cuCtxSetCurrent(second));
            const Address x = Fixture::numbers(128);
            const Fixture f;
            OK(f.launch("adj_double", x, x, 128, 1, 128));
            CHECK(f.synchronize() == ILLEGAL_ADDRESS);
        },
        "of device 1");
}

}  // namespace

int main(int, char** arguments) {
    use_kernels(arguments[0]);
    sound_kernels();
    planted_kernels();
    launches();
    streams();
    graphs();
    devices();
    return report();
}
