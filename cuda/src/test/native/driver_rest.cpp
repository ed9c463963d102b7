#include "rest.h"

enum { NOT_SUPPORTED = 801 };

#include "driver_symbols.def"
