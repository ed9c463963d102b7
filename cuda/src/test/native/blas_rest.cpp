#include "rest.h"

enum { NOT_SUPPORTED = 15 };

#include "blas_symbols.def"
