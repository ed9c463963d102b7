package dev.adjoint.nativecpu;

import java.lang.foreign.MemorySegment;

/**
 * A C function that takes an argument block.
 *
 * @param name as messages show it: the symbol without {@code adj_}
 * @param function its address
 * @param runner {@code adj_run} of the base library, which calls it
 */
record NativeFunction(String name, MemorySegment function, MemorySegment runner) {}
