/* What the cuBLAS stand-ins use of the simulated driver. */
#ifndef SIM_DEVICE_H
#define SIM_DEVICE_H

#include <cstddef>
#include <functional>

#include "executor.h"

namespace sim {

/* Work on the host's side of the device: it runs on the device's thread, in the order of the
 * stream. */
using Work = std::function<Result()>;

/* Appends to a stream, or to the graph that the stream is capturing. */
SIM_EXPORT Result enqueue(void* stream, Work work);

/* Within work: whether the bytes are all of one live allocation of its device; if not, one line
 * says so. */
SIM_EXPORT bool check_range(const char* what, const void* begin, size_t bytes);

}  // namespace sim

#endif
