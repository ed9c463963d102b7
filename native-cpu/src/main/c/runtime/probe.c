/*
 * Which variants this machine can run. Built for the oldest CPU, because code for a newer one may
 * fault before it can say no.
 */
#include "runtime.h"

#if defined(__x86_64__)
#    include <cpuid.h>
#    include <pthread.h>
#    include <stdarg.h>
#    include <stdbool.h>
#    include <stdio.h>
#    include <string.h>

/* The words of a leaf, then those of its subleaf 1. */
typedef enum { EAX, EBX, ECX, EDX, WORDS, SUBLEAF1_EAX = WORDS } cpuid_register;

typedef struct {
    const char* name;
    unsigned leaf;
    cpuid_register word;
    int bit;
} feature;

/* The x86-64 psABI's levels, and one beyond them; each includes the ones before. */
static const feature v2[] = {
    {"CMPXCHG16B", 1, ECX, 13}, {"LAHF-SAHF", 0x80000001, ECX, 0},
    {"POPCNT", 1, ECX, 23},     {"SSE3", 1, ECX, 0},
    {"SSE4.1", 1, ECX, 19},     {"SSE4.2", 1, ECX, 20},
    {"SSSE3", 1, ECX, 9},
};
static const feature v3[] = {
    {"AVX", 1, ECX, 28},           {"AVX2", 7, EBX, 5},   {"BMI1", 7, EBX, 3},
    {"BMI2", 7, EBX, 8},           {"F16C", 1, ECX, 29},  {"FMA", 1, ECX, 12},
    {"LZCNT", 0x80000001, ECX, 5}, {"MOVBE", 1, ECX, 22}, {"OSXSAVE", 1, ECX, 27},
};
static const feature v4[] = {
    {"AVX512F", 7, EBX, 16},  {"AVX512BW", 7, EBX, 30}, {"AVX512CD", 7, EBX, 28},
    {"AVX512DQ", 7, EBX, 17}, {"AVX512VL", 7, EBX, 31},
};
static const feature v4_bf16[] = {{"AVX512_BF16", 7, SUBLEAF1_EAX, 5}};

enum {
    AVX_STATE = 0x06,    /* xmm and upper ymm halves */
    AVX512_STATE = 0xe6, /* and opmask, upper zmm halves, zmm16 to zmm31 */
};

typedef struct {
    const char* name;
    const feature* features;
    size_t count;
    unsigned state; /* bits of XCR0 that the operating system must have set */
} level;

#    define LEVEL(name, features, state) \
        {name, features, sizeof(features) / sizeof(features)[0], state}
enum { V4 = 2, V4_BF16, LEVELS };
static const level levels[LEVELS] = {
    LEVEL("x86-64-v2", v2, 0),
    LEVEL("x86-64-v3", v3, AVX_STATE),
    LEVEL("x86-64-v4", v4, AVX512_STATE),
    LEVEL("x86-64-v4-bf16", v4_bf16, AVX512_STATE),
};

static bool has(const feature* f) {
    unsigned words[WORDS];
    return __get_cpuid_count(f->leaf, f->word / WORDS, &words[EAX], &words[EBX], &words[ECX],
                             &words[EDX]) &&
           (words[f->word % WORDS] >> f->bit & 1);
}

/* XCR0: the register states that the operating system saves and restores. */
static unsigned enabled_state(void) {
    static const feature osxsave = {"OSXSAVE", 1, ECX, 27};
    if (!has(&osxsave)) {
        return 0;
    }
    unsigned low;
    unsigned high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

enum { LINE = 256 };

__attribute__((format(printf, 2, 3))) static void say(char* line, const char* format, ...) {
    const size_t used = strlen(line);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line + used, LINE - used, format, arguments);
    va_end(arguments);
}

static char answer[LEVELS * (LINE + 1)];

static void probe(void) {
    char lines[LEVELS][LINE] = {{0}};
    const char* lower = NULL; /* the first level that is not there; those above need it */
    for (int i = 0; i < LEVELS; i++) {
        const level* l = &levels[i];
        const char* separator = " no: the CPU lacks ";
        bool complete = true;
        say(lines[i], "%s", l->name);
        for (size_t f = 0; f < l->count; f++) {
            if (!has(&l->features[f])) {
                say(lines[i], "%s%s", separator, l->features[f].name);
                separator = ", ";
                complete = false;
            }
        }
        if (complete && lower) {
            say(lines[i], " no: it includes %s", lower);
            complete = false;
        } else if (complete && (enabled_state() & l->state) != l->state) {
            say(lines[i],
                " no: the CPU has it, but the operating system has not enabled its registers");
            complete = false;
        }
        if (complete) {
            say(lines[i], " yes");
        } else if (!lower) {
            lower = l->name;
        }
    }
    /*
     * Intel's CPUs multiply pairs of bfloat16 half as often as floats: nothing is gained, and more
     * is done to make the pairs.
     */
    const bool pairs_pay = !__builtin_cpu_is("intel");
    for (int i = 0; i < LEVELS; i++) {
        const int next = i < V4 || pairs_pay ? i : i == V4 ? V4_BF16 : V4;
        strcat(answer, i ? "\n" : "");
        strcat(answer, lines[next]);
    }
}

const char* adj_probe(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, probe);
    return answer;
}

#elif defined(__aarch64__)

const char* adj_probe(void) {
    return "aarch64 yes";
}

#else
#    error "no variant for this architecture"
#endif
