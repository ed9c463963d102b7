/*
 * Kernels on the simulated device without its driver, and plain numbers to hold them against.
 */
#ifndef KERNELS_UNDER_TEST_H
#define KERNELS_UNDER_TEST_H

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <type_traits>
#include <vector>

#include "executor.h"
#include "memory.h"
#include "sim_cuda.h"

namespace {

using Values = std::vector<double>;

constexpr double NONE = -std::numeric_limits<double>::infinity();
constexpr double NOT_A_NUMBER = std::numeric_limits<double>::quiet_NaN();

int failures = 0;

struct Launch {
    int64_t grid;
    int block;
    size_t shared;
};

template <class Args>
void launch(const char* name, void (*function)(const Args&), const Args& args,
            const Launch& l) {
    if (l.grid == 0) {
        return;
    }
    const sim::Kernel kernel = {name, reinterpret_cast<void (*)(const void*)>(
                                    reinterpret_cast<void (*)()>(function)),
                                sizeof(Args)};
    const sim::Result result =
        sim::launch(kernel, &args, {static_cast<unsigned>(l.grid), 1, 1},
                    {static_cast<unsigned>(l.block), 1, 1}, l.shared, 0);
    if (result != sim::SUCCESS) {
        printf("%s: launch failed with %d\n", name, result);
        failures++;
    }
}

template <class T>
constexpr bool IS_BF16 = std::is_same_v<T, __nv_bfloat16>;
template <class T>
constexpr bool IS_HALF = IS_BF16<T> || std::is_same_v<T, __half>;

/* What arithmetic sees of T. */
template <class T>
using Wide = std::conditional_t<IS_HALF<T>, float, T>;

template <class T>
constexpr double ROUNDOFF = IS_BF16<T>       ? 0x1p-8
                            : IS_HALF<T>     ? 0x1p-11
                            : sizeof(T) == 4 ? 0x1p-24
                                             : 0x1p-52;

template <class T>
T element(double x) {
    if constexpr (IS_HALF<T>) {
        return T(static_cast<float>(x));
    } else {
        return static_cast<T>(x);
    }
}
template <class T>
double number(T x) {
    if constexpr (IS_HALF<T>) {
        return static_cast<double>(static_cast<float>(x));
    } else {
        return static_cast<double>(x);
    }
}

/* Device memory with `shift` elements before the first. */
template <class T>
class Array {
   public:
    explicit Array(size_t n, size_t shift = 0)
        : n_(n), block_(sim::memory().allocate((n + shift) * sizeof(T), 0)),
          first_(reinterpret_cast<T*>(block_) + shift) {
    }
    explicit Array(const Values& values, size_t shift = 0) : Array(values.size(), shift) {
        for (size_t i = 0; i < n_; i++) {
            first_[i] = element<T>(values[i]);
        }
    }
    Array(const Array&) = delete;
    Array& operator=(const Array&) = delete;
    ~Array() {
        sim::memory().release(block_);
    }
    T* get() const {
        return first_;
    }
    Values values() const {
        Values values(n_);
        for (size_t i = 0; i < n_; i++) {
            values[i] = number(first_[i]);
        }
        return values;
    }

   private:
    size_t n_;
    uintptr_t block_;
    T* first_;
};

Values uniform(size_t n, double low, double high, unsigned seed) {
    uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
    Values values(n);
    for (double& v : values) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        v = static_cast<float>(low + (high - low) * static_cast<double>(state >> 11) * 0x1p-53);
    }
    return values;
}

/* Within `units` roundoffs of T; of 16 bits besides the one of the result. */
template <class T>
void expect(const char* what, const Values& wanted, const Array<T>& array, double units) {
    const Values got = array.values();
    for (size_t i = 0; i < wanted.size(); i++) {
        const double tolerance = ROUNDOFF<T> * (units + (IS_HALF<T> ? std::fabs(wanted[i]) : 0));
        const bool same = wanted[i] == got[i] || (std::isnan(wanted[i]) && std::isnan(got[i]));
        if (!same && !(std::fabs(wanted[i] - got[i]) <= tolerance)) {
            printf("%s<%zu>: element %zu is %.9g instead of %.9g\n", what, sizeof(T), i, got[i],
                   wanted[i]);
            failures++;
            return;
        }
    }
}

double max_of(const double* x, int64_t n) {
    double most = NONE;
    for (int64_t i = 0; i < n; i++) {
        most = x[i] > most || std::isnan(x[i]) ? x[i] : most;
    }
    return most;
}

double sum_exp(const double* x, int64_t n, double most) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        sum += std::exp(x[i] - most);
    }
    return sum;
}

int report() {
    printf("%d failures, %llu launches\n", failures,
           static_cast<unsigned long long>(sim::counts().launches));
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace

#endif
