/* The functions of a library that are not simulated: one line REST(name) each, weak, so that what
 * is wins. */
#ifndef SIM_REST_H
#define SIM_REST_H

#include <cstdio>

#define REST(name)                                                           \
    extern "C" __attribute__((weak, visibility("default"))) int name(void) { \
        fprintf(stderr, "simulated device: %s is not simulated\n", #name);   \
        return NOT_SUPPORTED;                                                \
    }

#endif
