/* What replay needs of the pool beyond runtime.h. */
#ifndef ADJ_PARALLEL_H
#define ADJ_PARALLEL_H

#include <stdbool.h>

/* While true (calls nest), idle workers keep spinning for longer before they sleep. */
void adj_pool_keep_hot(bool hot);

#endif
