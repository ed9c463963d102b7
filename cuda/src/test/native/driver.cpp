/*
 * The CUDA driver's library, libcuda.so.1, for simulated devices: the calls that Adjoint makes. All
 * others of which JCuda's natives know answer NOT_SUPPORTED (driver_symbols.def).
 *
 * Nothing that goes into a stream runs before somebody waits for it. Then it runs on a thread of
 * its own, while the caller waits with the only lock in hand: a call sees the driver as if it were
 * alone.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "device.h"
#include "memory.h"

namespace sim {

namespace {

/* ---- what is simulated, by environment variables ---- */

uint64_t setting(const char* name, uint64_t otherwise) {
    const char* const value = getenv(name);
    return value == nullptr || *value == 0 ? otherwise : strtoull(value, nullptr, 10);
}

struct Settings {
    int driver = (int)setting("ADJOINT_SIMULATED_DRIVER", 13000);      /* 1000 major + 10 minor */
    int capability = (int)setting("ADJOINT_SIMULATED_CAPABILITY", 90); /* 10 major + minor */
    int devices = (int)setting("ADJOINT_SIMULATED_DEVICES", 1);
    size_t memory = setting("ADJOINT_SIMULATED_MEMORY", (size_t)4 << 30); /* bytes of each device */
};
const Settings& settings() {
    static const Settings instance;
    return instance;
}

/* The bytes of parameters that a kernel may have. */
size_t parameter_limit() {
    return settings().driver >= 12010 ? 32764 : 4096;
}

constexpr int MULTIPROCESSORS = 4;
constexpr size_t ALLOCATION_UNIT = 512;
/* What a stream holds back at most; a real driver's queue is as long. */
constexpr size_t MAX_QUEUE = 1024;

/* ---- objects: never given back, so that a stale handle is seen ---- */

struct Graph {
    std::vector<Work> operations;
};

struct Stream {
    struct Context* context;
    bool blocking; /* waits for the legacy stream, and it for this one */
    std::deque<Work> queue;
    uint64_t enqueued = 0;
    uint64_t done = 0;
    std::unique_ptr<Graph> capture;
    int capture_mode = 0;
    std::thread::id capture_thread;
    bool capture_invalid = false;
};

struct Context {
    int device;
    int retained = 0;
    Result error = SUCCESS; /* once something went wrong, every call answers it */
    Stream legacy;
    std::vector<Stream*> streams;
    size_t used = 0;
};

struct Event {
    Stream* stream = nullptr; /* where it was recorded last */
    uint64_t ticket = 0;
    double milliseconds = 0;
};

struct Module {}; /* all have the same kernels */

struct Function {
    std::string name;
    Kernel kernel;
    size_t dynamic_limit = MAX_STATIC_SHARED;
};

struct GraphExec {
    std::shared_ptr<const Graph> graph;
};

/* Handles that are good now. */
template <typename T>
class Handles {
   public:
    T* add(std::unique_ptr<T> object) {
        T* const p = object.get();
        all_.push_back(std::move(object));
        live_.insert(p);
        return p;
    }
    bool has(const void* handle) const {
        return live_.count(handle) != 0;
    }
    bool remove(const void* handle) {
        return live_.erase(handle) != 0;
    }

   private:
    std::vector<std::unique_ptr<T>> all_;
    std::unordered_set<const void*> live_;
};

enum CaptureMode { GLOBAL = 0, THREAD_LOCAL = 1, RELAXED = 2 };

/* Everything, made once and never destroyed: a thread may still call at the end of the process. */
struct Driver {
    std::recursive_mutex lock;
    bool initialized = false;
    std::vector<std::unique_ptr<Context>> contexts; /* the primary context of each device */
    Handles<Stream> streams;
    Handles<Event> events;
    Handles<Module> modules;
    Handles<Function> functions;
    Handles<Graph> graphs;
    Handles<GraphExec> graph_execs;
    std::unordered_map<std::string, Function*> functions_by_name;
    void* kernels = nullptr; /* the library of compiled kernels */
    int running_device = 0;
};
Driver& driver() {
    static auto* const instance = new Driver;
    return *instance;
}

thread_local Context* current = nullptr;

/* ---- the device's thread ---- */

class DeviceThread {
   public:
    Result run(const Work& work) {
        std::unique_lock<std::mutex> held(lock_);
        if (!started_) {
            started_ = true;
            sigset_t all;
            sigset_t before;
            sigfillset(&all); /* the process's signals are for its other threads */
            for (const int fault : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP}) {
                sigdelset(&all, fault);
            }
            pthread_sigmask(SIG_SETMASK, &all, &before);
            std::thread([this] { serve(); }).detach();
            pthread_sigmask(SIG_SETMASK, &before, nullptr);
        }
        work_ = &work;
        changed_.notify_all();
        changed_.wait(held, [this] { return work_ == nullptr; });
        return result_;
    }

   private:
    void serve() {
        std::unique_lock<std::mutex> held(lock_);
        for (;;) {
            changed_.wait(held, [this] { return work_ != nullptr; });
            memory().open();
            result_ = (*work_)();
            memory().close();
            work_ = nullptr;
            changed_.notify_all();
        }
    }

    std::mutex lock_;
    std::condition_variable changed_;
    bool started_ = false;
    const Work* work_ = nullptr;
    Result result_ = SUCCESS;
};
DeviceThread& device_thread() {
    static auto* const instance = new DeviceThread;
    return *instance;
}

/* ---- streams ---- */

/* On the device's thread: the stream's operations up to a number. */
Result run_until(Stream& stream, uint64_t ticket) {
    Context& context = *stream.context;
    while (stream.done < ticket && context.error == SUCCESS) {
        const Work work = std::move(stream.queue.front());
        stream.queue.pop_front();
        stream.done++;
        driver().running_device = context.device;
        const Result result = work();
        if (result != SUCCESS && context.error == SUCCESS) {
            context.error = result;
        }
    }
    return context.error;
}

Result wait_for(Stream& stream, uint64_t ticket) {
    if (stream.done >= ticket || stream.context->error != SUCCESS) {
        return stream.context->error;
    }
    return device_thread().run([&] { return run_until(stream, ticket); });
}

Result wait_for(Stream& stream) {
    return wait_for(stream, stream.enqueued);
}

Result wait_for(Context& context) {
    wait_for(context.legacy);
    for (Stream* const stream : context.streams) {
        wait_for(*stream);
    }
    return context.error;
}

void append(Stream& stream, Work work) {
    stream.queue.push_back(std::move(work));
    stream.enqueued++;
}

/* The legacy stream and the blocking ones wait for each other. */
void append_barrier(Stream& stream) {
    Context& context = *stream.context;
    std::vector<std::pair<Stream*, uint64_t>> before;
    const auto add = [&](Stream& other) {
        if (&other != &stream && other.blocking && other.done < other.enqueued) {
            before.emplace_back(&other, other.enqueued);
        }
    };
    if (&stream == &context.legacy) {
        for (Stream* const other : context.streams) {
            add(*other);
        }
    } else if (stream.blocking) {
        add(context.legacy);
    }
    if (!before.empty()) {
        append(stream, [before] {
            Result result = SUCCESS;
            for (const auto& [other, ticket] : before) {
                result = run_until(*other, ticket);
            }
            return result;
        });
    }
}

/* Into the graph that is captured, or the queue. */
Result submit(Stream& stream, Work work) {
    if (stream.capture != nullptr) {
        if (stream.capture_invalid) {
            return STREAM_CAPTURE_INVALIDATED;
        }
        stream.capture->operations.push_back(std::move(work));
        return SUCCESS;
    }
    if (&stream == &stream.context->legacy) {
        for (Stream* const other : stream.context->streams) {
            if (other->blocking && other->capture != nullptr) {
                other->capture_invalid = true;
                return STREAM_CAPTURE_IMPLICIT;
            }
        }
    }
    append_barrier(stream);
    append(stream, std::move(work));
    if (stream.queue.size() > MAX_QUEUE) {
        return wait_for(stream, stream.done + MAX_QUEUE / 2);
    }
    return SUCCESS;
}

/* ---- what each call begins with ---- */

class Call {
   public:
    Call() : held_(driver().lock) {
        result_ = !driver().initialized ? NOT_INITIALIZED
                  : current == nullptr  ? INVALID_CONTEXT
                                        : current->error;
    }
    Result result() const {
        return result_;
    }

   private:
    std::lock_guard<std::recursive_mutex> held_;
    Result result_;
};

/* A call within a context: nothing goes on after a failure. */
#define ENTER                       \
    const Call call;                \
    if (call.result() != SUCCESS) { \
        return call.result();       \
    }

/* A call that need not have a context. */
#define ENTER_ANYWHERE                                               \
    const std::lock_guard<std::recursive_mutex> held(driver().lock); \
    if (!driver().initialized) {                                     \
        return NOT_INITIALIZED;                                      \
    }

Stream* stream_of(void* handle) {
    if (handle == nullptr || handle == (void*)1) { /* CU_STREAM_LEGACY */
        return &current->legacy;
    }
    return driver().streams.has(handle) ? (Stream*)handle : nullptr;
}

#define STREAM(name, handle)                \
    Stream* const name = stream_of(handle); \
    if (name == nullptr) {                  \
        return INVALID_HANDLE;              \
    }

/* Whether the calling thread may do what a capture forbids: to allocate, or to wait. */
Result check_capture() {
    for (const auto& context : driver().contexts) {
        for (Stream* const stream : context->streams) {
            if (stream->capture != nullptr &&
                (stream->capture_mode == GLOBAL ||
                 (stream->capture_mode == THREAD_LOCAL &&
                  stream->capture_thread == std::this_thread::get_id()))) {
                stream->capture_invalid = true;
                return STREAM_CAPTURE_UNSUPPORTED;
            }
        }
    }
    return SUCCESS;
}

#define CHECK_CAPTURE                          \
    do {                                       \
        const Result result = check_capture(); \
        if (result != SUCCESS) {               \
            return result;                     \
        }                                      \
    } while (0)

/* ---- copies ---- */

uint64_t hash(const void* data, size_t bytes) { /* FNV-1a over words */
    uint64_t h = 0xcbf29ce484222325u;
    const auto* p = (const unsigned char*)data;
    for (; bytes >= 8; bytes -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        h = (h ^ word) * 0x100000001b3u;
    }
    for (; bytes > 0; bytes--) {
        h = (h ^ *p++) * 0x100000001b3u;
    }
    return h;
}

bool is_device(uintptr_t address, size_t bytes) {
    return memory().contains(address, bytes, current->device);
}

/* A copy that the driver would refuse at once. */
Result refuse(const char* what, uintptr_t address, size_t bytes) {
    fprintf(stderr, "simulated device: %s of %zu bytes: %s\n", what, bytes,
            memory().describe(address));
    return INVALID_VALUE;
}

/* The rest of this section's work, on the device's thread. */
Result write(const char* what, uintptr_t to, const void* from, size_t bytes) {
    if (!check_range(what, (const void*)to, bytes)) {
        return ILLEGAL_ADDRESS;
    }
    memmove((void*)to, from, bytes);
    return SUCCESS;
}

Result read(const char* what, void* to, uintptr_t from, size_t bytes) {
    if (!check_range(what, (const void*)from, bytes)) {
        return ILLEGAL_ADDRESS;
    }
    memcpy(to, (const void*)from, bytes);
    return SUCCESS;
}

Result report_early(const char* what, const void* host, const char* happened) {
    fprintf(stderr, "simulated device: %s: the host's memory at %p %s before the copy ran\n", what,
            host, happened);
    return ILLEGAL_ADDRESS;
}

Result copy_to_device(uintptr_t to, const void* from, size_t bytes, Stream& stream, bool now) {
    static const char* const what = "cuMemcpyHtoD";
    if (bytes == 0) {
        return SUCCESS;
    }
    if (!is_device(to, bytes)) {
        return refuse(what, to, bytes);
    }
    if (now) {
        CHECK_CAPTURE;
        const Result result = submit(stream, [=] { return write(what, to, from, bytes); });
        return result == SUCCESS ? wait_for(stream) : result;
    }
    if (!is_pinned(from, bytes)) { /* the driver copies it away before it returns */
        const std::shared_ptr<char> staged(new char[bytes], std::default_delete<char[]>());
        memcpy(staged.get(), from, bytes);
        return submit(stream, [=] { return write(what, to, staged.get(), bytes); });
    }
    const bool captured = stream.capture != nullptr; /* then each replay reads it anew */
    const uint64_t before = hash(from, bytes);
    return submit(stream, [=] {
        return !is_pinned(from, bytes)                    ? report_early(what, from, "was freed")
               : !captured && hash(from, bytes) != before ? report_early(what, from, "changed")
                                                          : write(what, to, from, bytes);
    });
}

Result copy_to_host(void* to, uintptr_t from, size_t bytes, Stream& stream, bool now) {
    static const char* const what = "cuMemcpyDtoH";
    if (bytes == 0) {
        return SUCCESS;
    }
    if (!is_device(from, bytes)) {
        return refuse(what, from, bytes);
    }
    const bool pinned = is_pinned(to, bytes);
    const bool waits = now || !pinned; /* without page-locked memory nothing is asynchronous */
    if (waits) {
        CHECK_CAPTURE;
    }
    const Result result = submit(stream, [=] {
        return pinned && !is_pinned(to, bytes) ? report_early(what, to, "was freed")
                                               : read(what, to, from, bytes);
    });
    return result == SUCCESS && waits ? wait_for(stream) : result;
}

Result copy_on_device(uintptr_t to, uintptr_t from, size_t bytes, Stream& stream) {
    static const char* const what = "cuMemcpyDtoD";
    if (bytes == 0) {
        return SUCCESS;
    }
    if (!is_device(to, bytes) || !is_device(from, bytes)) {
        return refuse(what, is_device(to, bytes) ? from : to, bytes);
    }
    return submit(stream, [=] {
        return check_range(what, (const void*)from, bytes)
                   ? write(what, to, (const void*)from, bytes)
                   : ILLEGAL_ADDRESS;
    });
}

template <typename T>
Result set_memory(uintptr_t to, T value, size_t count, void* stream_handle) {
    static const char* const what = "cuMemset";
    STREAM(stream, stream_handle)
    if (count == 0) {
        return SUCCESS;
    }
    if (!is_device(to, count * sizeof(T)) || to % sizeof(T) != 0) {
        return refuse(what, to, count * sizeof(T));
    }
    return submit(*stream, [=] {
        if (!check_range(what, (const void*)to, count * sizeof(T))) {
            return ILLEGAL_ADDRESS;
        }
        std::fill_n((T*)to, count, value);
        return SUCCESS;
    });
}

/* ---- modules ---- */

/* The compiled kernels lie beside this library. */
Result open_kernels() {
    if (driver().kernels != nullptr) {
        return SUCCESS;
    }
    std::string path;
    if (const char* const chosen = getenv("ADJOINT_SIMULATED_KERNELS"); chosen != nullptr) {
        path = chosen;
    } else {
        Dl_info self;
        dladdr((void*)open_kernels, &self);
        path = self.dli_fname;
        path = path.substr(0, path.rfind('/') + 1) + "libadjoint_simulated_kernels.so";
    }
    driver().kernels = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (driver().kernels == nullptr) {
        fprintf(stderr, "simulated device: %s\n", dlerror());
        return FILE_NOT_FOUND;
    }
    return SUCCESS;
}

/* As the formats begin: fat binary (raw or wrapped), ELF, PTX. */
bool is_image(const void* image) {
    uint32_t magic;
    memcpy(&magic, image, sizeof magic);
    return magic == 0xba55ed50 || magic == 0x466243b1 || memcmp(image, "\177ELF", 4) == 0 ||
           memcmp(image, ".ver", 4) == 0 || memcmp(image, "//", 2) == 0;
}

Result load_module(void** module, const void* image) {
    if (module == nullptr || image == nullptr) {
        return INVALID_VALUE;
    }
    CHECK_CAPTURE;
    if (!is_image(image)) {
        return INVALID_IMAGE;
    }
    const Result result = open_kernels();
    if (result != SUCCESS) {
        return result;
    }
    *module = driver().modules.add(std::make_unique<Module>());
    return SUCCESS;
}

/* ---- errors ---- */

struct ErrorName {
    Result result;
    const char* name;
    const char* text;
};
const ErrorName ERRORS[] = {
    {SUCCESS, "CUDA_SUCCESS", "no error"},
    {INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {NOT_INITIALIZED, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
    {NO_DEVICE, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {INVALID_DEVICE, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {INVALID_IMAGE, "CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"},
    {INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {NO_BINARY_FOR_GPU, "CUDA_ERROR_NO_BINARY_FOR_GPU",
     "no kernel image is available for execution on the device"},
    {FILE_NOT_FOUND, "CUDA_ERROR_FILE_NOT_FOUND", "file not found"},
    {INVALID_HANDLE, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
    {ILLEGAL_STATE, "CUDA_ERROR_ILLEGAL_STATE",
     "the operation cannot be performed in the present state"},
    {NOT_FOUND, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {NOT_READY, "CUDA_ERROR_NOT_READY", "device not ready"},
    {ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
    {LAUNCH_OUT_OF_RESOURCES, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES",
     "too many resources requested for launch"},
    {HOST_MEMORY_ALREADY_REGISTERED, "CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED",
     "part or all of the requested memory range is already mapped"},
    {HOST_MEMORY_NOT_REGISTERED, "CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED",
     "pointer does not correspond to a registered memory region"},
    {MISALIGNED_ADDRESS, "CUDA_ERROR_MISALIGNED_ADDRESS", "misaligned address"},
    {LAUNCH_FAILED, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
    {NOT_SUPPORTED, "CUDA_ERROR_NOT_SUPPORTED", "operation not supported"},
    {STREAM_CAPTURE_UNSUPPORTED, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED",
     "operation not permitted when stream is capturing"},
    {STREAM_CAPTURE_INVALIDATED, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED",
     "operation failed due to a previous error during capture"},
    {STREAM_CAPTURE_UNMATCHED, "CUDA_ERROR_STREAM_CAPTURE_UNMATCHED",
     "the capture was not ended in the same stream as it began"},
    {STREAM_CAPTURE_IMPLICIT, "CUDA_ERROR_STREAM_CAPTURE_IMPLICIT",
     "operation would make the legacy stream depend on a capturing blocking stream"},
    {STREAM_CAPTURE_WRONG_THREAD, "CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD",
     "attempt to terminate a thread-local capture sequence from another thread"},
};

Result find_error(int result, const char** text, const char* ErrorName::* member) {
    for (const ErrorName& error : ERRORS) {
        if (error.result == result) {
            *text = error.*member;
            return SUCCESS;
        }
    }
    *text = nullptr;
    return INVALID_VALUE;
}

double now_milliseconds() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

Context* primary(int device) {
    return device >= 0 && (size_t)device < driver().contexts.size()
               ? driver().contexts[(size_t)device].get()
               : nullptr;
}

}  // namespace

Result enqueue(void* handle, Work work) {
    ENTER
    STREAM(stream, handle)
    return submit(*stream, std::move(work));
}

bool check_range(const char* what, const void* begin, size_t bytes) {
    if (bytes == 0 || memory().contains((uintptr_t)begin, bytes, driver().running_device)) {
        return true;
    }
    fprintf(stderr, "simulated device: %s touches %zu bytes: %s\n", what, bytes,
            memory().describe((uintptr_t)begin));
    return false;
}

}  // namespace sim

/* ---- the driver's interface; what is not written here does as the driver's documentation says
 * ---- */

using namespace sim;

#define API extern "C" SIM_EXPORT int

API cuInit(unsigned flags) {
    const std::lock_guard<std::recursive_mutex> held(driver().lock);
    if (flags != 0) {
        return INVALID_VALUE;
    }
    if (settings().devices == 0) {
        return NO_DEVICE;
    }
    while (driver().contexts.size() < (size_t)settings().devices) {
        auto context = std::make_unique<Context>();
        context->device = (int)driver().contexts.size();
        context->legacy.context = context.get();
        context->legacy.blocking = true;
        driver().contexts.push_back(std::move(context));
    }
    driver().initialized = true;
    return SUCCESS;
}

API cuDriverGetVersion(int* version) {
    *version = settings().driver;
    return SUCCESS;
}

API cuGetErrorName(int result, const char** name) {
    return find_error(result, name, &ErrorName::name);
}

API cuGetErrorString(int result, const char** text) {
    return find_error(result, text, &ErrorName::text);
}

/* ---- devices ---- */

API cuDeviceGetCount(int* count) {
    ENTER_ANYWHERE
    *count = settings().devices;
    return SUCCESS;
}

API cuDeviceGet(int* device, int ordinal) {
    ENTER_ANYWHERE
    if (primary(ordinal) == nullptr) {
        return INVALID_DEVICE;
    }
    *device = ordinal;
    return SUCCESS;
}

API cuDeviceGetName(char* name, int length, int device) {
    ENTER_ANYWHERE
    if (primary(device) == nullptr) {
        return INVALID_DEVICE;
    }
    snprintf(name, (size_t)length, "Simulated CUDA device");
    return SUCCESS;
}

API cuDeviceGetUuid(unsigned char* uuid, int device) {
    ENTER_ANYWHERE
    memset(uuid, 0, 16);
    uuid[15] = (unsigned char)device;
    return SUCCESS;
}

API cuDeviceTotalMem_v2(size_t* bytes, int device) {
    ENTER_ANYWHERE
    if (primary(device) == nullptr) {
        return INVALID_DEVICE;
    }
    *bytes = settings().memory;
    return SUCCESS;
}

API cuDeviceGetAttribute(int* value, int attribute, int device) {
    ENTER_ANYWHERE
    if (primary(device) == nullptr) {
        return INVALID_DEVICE;
    }
    switch (attribute) { /* CUdevice_attribute */
        case 1:
            *value = (int)MAX_THREADS;
            break;
        case 2:
            *value = (int)MAX_BLOCK.x;
            break;
        case 3:
            *value = (int)MAX_BLOCK.y;
            break;
        case 4:
            *value = (int)MAX_BLOCK.z;
            break;
        case 5:
            *value = (int)MAX_GRID.x;
            break;
        case 6:
            *value = (int)MAX_GRID.y;
            break;
        case 7:
            *value = (int)MAX_GRID.z;
            break;
        case 8: /* MAX_SHARED_MEMORY_PER_BLOCK */
            *value = (int)MAX_STATIC_SHARED;
            break;
        case 10: /* WARP_SIZE */
            *value = 32;
            break;
        case 12: /* MAX_REGISTERS_PER_BLOCK */
        case 82: /* MAX_REGISTERS_PER_MULTIPROCESSOR */
            *value = 65536;
            break;
        case 13: /* CLOCK_RATE, kHz */
        case 36: /* MEMORY_CLOCK_RATE */
            *value = 1000000;
            break;
        case 16: /* MULTIPROCESSOR_COUNT */
            *value = MULTIPROCESSORS;
            break;
        case 31: /* CONCURRENT_KERNELS */
        case 41: /* UNIFIED_ADDRESSING */
            *value = 1;
            break;
        case 33: /* PCI_BUS_ID */
            *value = device + 1;
            break;
        case 37: /* GLOBAL_MEMORY_BUS_WIDTH, bits */
            *value = 1024;
            break;
        case 38: /* L2_CACHE_SIZE */
            *value = 4 << 20;
            break;
        case 39: /* MAX_THREADS_PER_MULTIPROCESSOR */
            *value = 2048;
            break;
        case 75: /* COMPUTE_CAPABILITY_MAJOR */
            *value = settings().capability / 10;
            break;
        case 76: /* COMPUTE_CAPABILITY_MINOR */
            *value = settings().capability % 10;
            break;
        case 81: /* MAX_SHARED_MEMORY_PER_MULTIPROCESSOR */
        case 97: /* MAX_SHARED_MEMORY_PER_BLOCK_OPTIN */
            *value = (int)MAX_SHARED;
            break;
        default: /* what the simulated device has not */
            *value = 0;
    }
    return SUCCESS;
}

/* ---- contexts ---- */

API cuDevicePrimaryCtxRetain(void** context, int device) {
    ENTER_ANYWHERE
    Context* const c = primary(device);
    if (c == nullptr) {
        return INVALID_DEVICE;
    }
    c->retained++;
    *context = c;
    return SUCCESS;
}

API cuDevicePrimaryCtxRelease_v2(int device) {
    ENTER_ANYWHERE
    Context* const c = primary(device);
    if (c == nullptr || c->retained == 0) {
        return INVALID_CONTEXT;
    }
    c->retained--; /* memory and streams stay: the process is about to end */
    return SUCCESS;
}

/* Whatever happened is forgotten; memory and streams stay. */
API cuDevicePrimaryCtxReset_v2(int device) {
    ENTER_ANYWHERE
    Context* const c = primary(device);
    if (c == nullptr) {
        return INVALID_DEVICE;
    }
    c->error = SUCCESS;
    c->legacy.queue.clear();
    c->legacy.done = c->legacy.enqueued;
    for (Stream* const stream : c->streams) {
        stream->queue.clear();
        stream->done = stream->enqueued;
        stream->capture.reset();
    }
    return SUCCESS;
}

API cuDevicePrimaryCtxGetState(int device, unsigned* flags, int* active) {
    ENTER_ANYWHERE
    Context* const c = primary(device);
    if (c == nullptr) {
        return INVALID_DEVICE;
    }
    *flags = 0;
    *active = c->retained > 0;
    return SUCCESS;
}

API cuCtxSetCurrent(void* context) {
    ENTER_ANYWHERE
    for (const auto& c : driver().contexts) {
        if (context == nullptr || (context == c.get() && c->retained > 0)) {
            current = (Context*)context;
            return SUCCESS;
        }
    }
    return INVALID_CONTEXT;
}

API cuCtxGetCurrent(void** context) {
    ENTER_ANYWHERE
    *context = current;
    return SUCCESS;
}

API cuCtxGetDevice(int* device) {
    ENTER
    *device = current->device;
    return SUCCESS;
}

API cuCtxSynchronize(void) {
    ENTER
    CHECK_CAPTURE;
    return wait_for(*current);
}

/* ---- memory ---- */

API cuMemGetInfo_v2(size_t* free, size_t* total) {
    ENTER
    *total = settings().memory;
    *free = settings().memory - current->used;
    return SUCCESS;
}

API cuMemAlloc_v2(uintptr_t* address, size_t bytes) {
    ENTER
    if (bytes == 0 || address == nullptr) {
        return INVALID_VALUE;
    }
    CHECK_CAPTURE;
    const size_t taken = (bytes + ALLOCATION_UNIT - 1) / ALLOCATION_UNIT * ALLOCATION_UNIT;
    if (bytes > settings().memory || taken > settings().memory - current->used) {
        return OUT_OF_MEMORY;
    }
    *address = memory().allocate(bytes, current->device);
    if (*address == 0) {
        return OUT_OF_MEMORY;
    }
    current->used += taken;
    return SUCCESS;
}

API cuMemFree_v2(uintptr_t address) {
    ENTER
    CHECK_CAPTURE;
    if (address == 0) {
        return SUCCESS;
    }
    const Allocation* const a = memory().find(address);
    if (a == nullptr || !a->live || a->begin != address) {
        return refuse("cuMemFree", address, 0);
    }
    /* Work that is still to come finds it freed: to wait first is the caller's business. */
    Context& owner = *driver().contexts[(size_t)a->device];
    owner.used -= (a->bytes + ALLOCATION_UNIT - 1) / ALLOCATION_UNIT * ALLOCATION_UNIT;
    memory().release(address);
    return SUCCESS;
}

API cuMemHostAlloc(void** address, size_t bytes, unsigned flags) {
    ENTER(void) flags;
    if (bytes == 0) {
        return INVALID_VALUE;
    }
    CHECK_CAPTURE;
    if (posix_memalign(address, 4096, bytes) != 0) {
        return OUT_OF_MEMORY;
    }
    memset(*address, 0xff, bytes);
    pin(*address, bytes);
    return SUCCESS;
}

API cuMemAllocHost_v2(void** address, size_t bytes) {
    return cuMemHostAlloc(address, bytes, 0);
}

API cuMemFreeHost(void* address) {
    ENTER
    if (pinned_bytes(address) == 0) {
        return INVALID_VALUE;
    }
    unpin(address);
    free(address);
    return SUCCESS;
}

API cuMemHostRegister_v2(void* address, size_t bytes, unsigned flags) {
    ENTER(void) flags;
    if (bytes == 0) {
        return INVALID_VALUE;
    }
    if (is_pinned(address, 1)) {
        return HOST_MEMORY_ALREADY_REGISTERED;
    }
    pin(address, bytes);
    return SUCCESS;
}

API cuMemHostUnregister(void* address) {
    ENTER
    if (pinned_bytes(address) == 0) {
        return HOST_MEMORY_NOT_REGISTERED;
    }
    unpin(address);
    return SUCCESS;
}

API cuMemHostGetDevicePointer_v2(uintptr_t* device, void* host, unsigned flags) {
    ENTER(void) flags;
    if (!is_pinned(host, 1)) {
        return INVALID_VALUE;
    }
    *device = (uintptr_t)host;
    return SUCCESS;
}

API cuMemcpyHtoD_v2(uintptr_t to, const void* from, size_t bytes) {
    ENTER
    return copy_to_device(to, from, bytes, current->legacy, true);
}

API cuMemcpyHtoDAsync_v2(uintptr_t to, const void* from, size_t bytes, void* handle) {
    ENTER
    STREAM(stream, handle)
    return copy_to_device(to, from, bytes, *stream, false);
}

API cuMemcpyDtoH_v2(void* to, uintptr_t from, size_t bytes) {
    ENTER
    return copy_to_host(to, from, bytes, current->legacy, true);
}

API cuMemcpyDtoHAsync_v2(void* to, uintptr_t from, size_t bytes, void* handle) {
    ENTER
    STREAM(stream, handle)
    return copy_to_host(to, from, bytes, *stream, false);
}

API cuMemcpyDtoD_v2(uintptr_t to, uintptr_t from, size_t bytes) {
    ENTER
    return copy_on_device(to, from, bytes, current->legacy);
}

API cuMemcpyDtoDAsync_v2(uintptr_t to, uintptr_t from, size_t bytes, void* handle) {
    ENTER
    STREAM(stream, handle)
    return copy_on_device(to, from, bytes, *stream);
}

API cuMemsetD8_v2(uintptr_t to, unsigned char value, size_t count) {
    ENTER
    return set_memory(to, value, count, nullptr);
}

API cuMemsetD32_v2(uintptr_t to, unsigned value, size_t count) {
    ENTER
    return set_memory(to, value, count, nullptr);
}

API cuMemsetD8Async(uintptr_t to, unsigned char value, size_t count, void* stream) {
    ENTER
    return set_memory(to, value, count, stream);
}

API cuMemsetD32Async(uintptr_t to, unsigned value, size_t count, void* stream) {
    ENTER
    return set_memory(to, value, count, stream);
}

/* ---- streams and events ---- */

API cuStreamCreate(void** handle, unsigned flags) {
    ENTER
    CHECK_CAPTURE;
    auto stream = std::make_unique<Stream>();
    stream->context = current;
    stream->blocking = (flags & 1) == 0; /* CU_STREAM_NON_BLOCKING */
    Stream* const s = driver().streams.add(std::move(stream));
    current->streams.push_back(s);
    *handle = s;
    return SUCCESS;
}

API cuStreamCreateWithPriority(void** handle, unsigned flags, int) {
    return cuStreamCreate(handle, flags);
}

API cuStreamDestroy_v2(void* handle) {
    ENTER
    if (!driver().streams.has(handle)) {
        return INVALID_HANDLE;
    }
    auto* const stream = (Stream*)handle;
    const Result result = wait_for(*stream); /* the driver would let it run to its end */
    auto& streams = stream->context->streams;
    streams.erase(std::find(streams.begin(), streams.end(), stream));
    driver().streams.remove(handle);
    return result;
}

API cuStreamSynchronize(void* handle) {
    ENTER
    STREAM(stream, handle)
    if (stream->capture != nullptr) {
        stream->capture_invalid = true;
        return STREAM_CAPTURE_UNSUPPORTED;
    }
    CHECK_CAPTURE;
    return wait_for(*stream);
}

/* The work goes on when somebody looks. */
API cuStreamQuery(void* handle) {
    ENTER
    STREAM(stream, handle)
    if (stream->done == stream->enqueued) {
        return SUCCESS;
    }
    const Result result = wait_for(*stream);
    return result == SUCCESS ? NOT_READY : result;
}

API cuStreamWaitEvent(void* handle, void* event_handle, unsigned flags) {
    ENTER
    STREAM(stream, handle)
    if (!driver().events.has(event_handle) || flags != 0) {
        return INVALID_HANDLE;
    }
    const auto* const event = (Event*)event_handle;
    if (event->stream == nullptr) {
        return SUCCESS;
    }
    return submit(*stream, [other = event->stream, ticket = event->ticket] {
        return run_until(*other, ticket);
    });
}

API cuEventCreate(void** handle, unsigned flags) {
    ENTER(void) flags;
    *handle = driver().events.add(std::make_unique<Event>());
    return SUCCESS;
}

API cuEventDestroy_v2(void* handle) {
    ENTER
    return driver().events.remove(handle) ? SUCCESS : INVALID_HANDLE;
}

API cuEventRecord(void* handle, void* stream_handle) {
    ENTER
    STREAM(stream, stream_handle)
    if (!driver().events.has(handle)) {
        return INVALID_HANDLE;
    }
    if (stream->capture != nullptr) { /* graphs of several streams are not simulated */
        stream->capture_invalid = true;
        return NOT_SUPPORTED;
    }
    auto* const event = (Event*)handle;
    const Result result = submit(*stream, [event] {
        event->milliseconds = now_milliseconds();
        return SUCCESS;
    });
    event->stream = stream;
    event->ticket = stream->enqueued;
    return result;
}

API cuEventSynchronize(void* handle) {
    ENTER
    CHECK_CAPTURE;
    if (!driver().events.has(handle)) {
        return INVALID_HANDLE;
    }
    const auto* const event = (Event*)handle;
    return event->stream == nullptr ? SUCCESS : wait_for(*event->stream, event->ticket);
}

API cuEventQuery(void* handle) {
    ENTER
    if (!driver().events.has(handle)) {
        return INVALID_HANDLE;
    }
    const auto* const event = (Event*)handle;
    if (event->stream == nullptr || event->stream->done >= event->ticket) {
        return SUCCESS;
    }
    const Result result = wait_for(*event->stream, event->ticket);
    return result == SUCCESS ? NOT_READY : result;
}

API cuEventElapsedTime(float* milliseconds, void* begin_handle, void* end_handle) {
    ENTER
    if (!driver().events.has(begin_handle) || !driver().events.has(end_handle)) {
        return INVALID_HANDLE;
    }
    const auto* const begin = (Event*)begin_handle;
    const auto* const end = (Event*)end_handle;
    for (const Event* const event : {begin, end}) {
        if (event->stream == nullptr) {
            return INVALID_HANDLE;
        }
        if (event->stream->done < event->ticket) {
            return NOT_READY;
        }
    }
    *milliseconds = (float)(end->milliseconds - begin->milliseconds);
    return SUCCESS;
}

API cuEventElapsedTime_v2(float* milliseconds, void* begin, void* end) {
    return cuEventElapsedTime(milliseconds, begin, end);
}

/* ---- modules and launches ---- */

API cuModuleLoadData(void** module, const void* image) {
    ENTER
    return load_module(module, image);
}

API cuModuleLoadDataEx(void** module, const void* image, unsigned, int*, void**) {
    ENTER
    return load_module(module, image);
}

API cuModuleUnload(void* module) {
    ENTER
    return driver().modules.remove(module) ? SUCCESS : INVALID_HANDLE;
}

API cuModuleGetFunction(void** function, void* module, const char* name) {
    ENTER
    if (!driver().modules.has(module)) {
        return INVALID_HANDLE;
    }
    void* const entry = dlsym(driver().kernels, name);
    void* const bytes = dlsym(driver().kernels, (std::string(name) + "_param_bytes").c_str());
    if (entry == nullptr || bytes == nullptr) {
        return NOT_FOUND;
    }
    Function*& known = driver().functions_by_name[name];
    if (known == nullptr) {
        auto f = std::make_unique<Function>();
        f->name = name;
        f->kernel.name = f->name.c_str();
        memcpy(&f->kernel.function, &entry, sizeof entry);
        memcpy(&f->kernel.parameter_bytes, bytes, sizeof(size_t));
        if (f->kernel.parameter_bytes > parameter_limit()) {
            fprintf(stderr,
                    "simulated device: %s: %zu bytes of parameters, this driver takes %zu\n", name,
                    f->kernel.parameter_bytes, parameter_limit());
            return INVALID_IMAGE;
        }
        known = driver().functions.add(std::move(f));
    }
    *function = known;
    return SUCCESS;
}

API cuFuncGetParamInfo(void* handle, size_t index, size_t* offset, size_t* bytes) {
    ENTER
    if (!driver().functions.has(handle)) {
        return INVALID_HANDLE;
    }
    if (index != 0) {
        return INVALID_VALUE;
    }
    *offset = 0;
    if (bytes != nullptr) {
        *bytes = ((Function*)handle)->kernel.parameter_bytes;
    }
    return SUCCESS;
}

API cuFuncGetAttribute(int* value, int attribute, void* handle) {
    ENTER
    if (!driver().functions.has(handle)) {
        return INVALID_HANDLE;
    }
    const auto* const f = (Function*)handle;
    switch (attribute) { /* CUfunction_attribute */
        case 0:          /* MAX_THREADS_PER_BLOCK */
            *value = (int)MAX_THREADS;
            break;
        case 5: /* PTX_VERSION */
        case 6: /* BINARY_VERSION */
            *value = settings().capability;
            break;
        case 8: /* MAX_DYNAMIC_SHARED_SIZE_BYTES */
            *value = (int)f->dynamic_limit;
            break;
        default: /* sizes that only a compiler for devices knows */
            *value = 0;
    }
    return SUCCESS;
}

API cuFuncSetAttribute(void* handle, int attribute, int value) {
    ENTER
    if (!driver().functions.has(handle)) {
        return INVALID_HANDLE;
    }
    if (attribute == 8) { /* MAX_DYNAMIC_SHARED_SIZE_BYTES */
        if (value < 0 || (size_t)value > MAX_SHARED) {
            return INVALID_VALUE;
        }
        ((Function*)handle)->dynamic_limit = (size_t)value;
    }
    return SUCCESS;
}

API cuLaunchKernel(void* handle, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                   unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared_bytes,
                   void* stream_handle, void** parameters, void** extra) {
    ENTER
    STREAM(stream, stream_handle)
    if (!driver().functions.has(handle)) {
        return INVALID_HANDLE;
    }
    const Kernel& kernel = ((Function*)handle)->kernel;
    const Size3 grid = {grid_x, grid_y, grid_z};
    const Size3 block = {block_x, block_y, block_z};
    const Result result =
        check_limits(kernel.name, grid, block, shared_bytes, ((Function*)handle)->dynamic_limit);
    if (result != SUCCESS) {
        return result;
    }
    const void* source = parameters == nullptr ? nullptr : parameters[0];
    if (parameters == nullptr && extra != nullptr) {
        size_t bytes = 0;
        for (; *extra != nullptr; extra += 2) {
            if (*extra == (void*)1) { /* CU_LAUNCH_PARAM_BUFFER_POINTER */
                source = extra[1];
            } else if (*extra == (void*)2) { /* CU_LAUNCH_PARAM_BUFFER_SIZE */
                bytes = *(const size_t*)extra[1];
            }
        }
        if (bytes != kernel.parameter_bytes) {
            fprintf(stderr, "simulated device: %s takes %zu bytes of parameters, not %zu\n",
                    kernel.name, kernel.parameter_bytes, bytes);
            return INVALID_VALUE;
        }
    }
    if (source == nullptr) {
        fprintf(stderr, "simulated device: %s takes %zu bytes of parameters, not none\n",
                kernel.name, kernel.parameter_bytes);
        return INVALID_VALUE;
    }
    const std::shared_ptr<char> parameter(
        (char*)aligned_alloc(64, (kernel.parameter_bytes + 63) / 64 * 64), free);
    memcpy(parameter.get(), source, kernel.parameter_bytes);
    return submit(*stream, [=, &kernel] {
        return launch(kernel, parameter.get(), grid, block, shared_bytes, driver().running_device);
    });
}

/* ---- graphs ---- */

API cuStreamBeginCapture_v2(void* handle, int mode) {
    ENTER
    STREAM(stream, handle)
    if (stream == &current->legacy) {
        return STREAM_CAPTURE_UNSUPPORTED;
    }
    if (stream->capture != nullptr) {
        return ILLEGAL_STATE;
    }
    stream->capture = std::make_unique<Graph>();
    stream->capture_mode = mode;
    stream->capture_thread = std::this_thread::get_id();
    stream->capture_invalid = false;
    return SUCCESS;
}

API cuStreamEndCapture(void* handle, void** graph) {
    ENTER
    STREAM(stream, handle)
    if (stream->capture == nullptr) {
        return ILLEGAL_STATE;
    }
    if (stream->capture_mode != RELAXED && stream->capture_thread != std::this_thread::get_id()) {
        return STREAM_CAPTURE_WRONG_THREAD;
    }
    std::unique_ptr<Graph> captured = std::move(stream->capture);
    if (stream->capture_invalid) {
        *graph = nullptr;
        return STREAM_CAPTURE_INVALIDATED;
    }
    *graph = driver().graphs.add(std::move(captured));
    return SUCCESS;
}

API cuStreamIsCapturing(void* handle, int* status) {
    ENTER
    STREAM(stream, handle)
    *status = stream->capture == nullptr ? 0 : stream->capture_invalid ? 2 : 1;
    return SUCCESS;
}

API cuGraphInstantiateWithFlags(void** exec, void* graph, unsigned long long flags) {
    ENTER(void) flags;
    if (!driver().graphs.has(graph)) {
        return INVALID_HANDLE;
    }
    auto copy = std::make_shared<Graph>(*(const Graph*)graph);
    *exec = driver().graph_execs.add(std::unique_ptr<GraphExec>(new GraphExec{std::move(copy)}));
    return SUCCESS;
}

API cuGraphInstantiate_v2(void** exec, void* graph, void** error_node, char*, size_t) {
    if (error_node != nullptr) {
        *error_node = nullptr;
    }
    return cuGraphInstantiateWithFlags(exec, graph, 0);
}

API cuGraphLaunch(void* handle, void* stream_handle) {
    ENTER
    STREAM(stream, stream_handle)
    if (!driver().graph_execs.has(handle)) {
        return INVALID_HANDLE;
    }
    return submit(*stream, [graph = ((GraphExec*)handle)->graph] {
        for (const Work& work : graph->operations) {
            const Result result = work();
            if (result != SUCCESS) {
                return result;
            }
        }
        return SUCCESS;
    });
}

API cuGraphGetNodes(void* graph, void** nodes, size_t* count) {
    ENTER
    if (!driver().graphs.has(graph)) {
        return INVALID_HANDLE;
    }
    if (nodes != nullptr) {
        return NOT_SUPPORTED;
    }
    *count = ((Graph*)graph)->operations.size();
    return SUCCESS;
}

API cuGraphExecDestroy(void* handle) {
    ENTER
    return driver().graph_execs.remove(handle) ? SUCCESS : INVALID_HANDLE;
}

API cuGraphDestroy(void* handle) {
    ENTER
    return driver().graphs.remove(handle) ? SUCCESS : INVALID_HANDLE;
}
