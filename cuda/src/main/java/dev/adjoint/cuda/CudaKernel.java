package dev.adjoint.cuda;

/**
 * A kernel of the loaded module. It takes one parameter, a block of 8-byte words.
 *
 * @param name as messages show it: the symbol without {@code adj_}
 * @param function the driver's handle
 * @param parameterWords the size of its block, in words
 * @param number its place among all kernels, from 1: what it writes into the device's error word to
 *     say that it met an index out of range
 */
record CudaKernel(String name, long function, int parameterWords, int number) {}
