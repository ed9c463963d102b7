package dev.adjoint.spi;

import java.lang.foreign.MemorySegment;

/**
 * A block of memory that a backend allocated.
 *
 * @param address where it begins, in the device's address space; 64-byte aligned
 * @param bytes its size
 * @param segment the same block for access from Java; of size 0 when the host cannot read it
 */
public record Memory(long address, long bytes, MemorySegment segment) {
  /** Whether Java may read and write it through {@link #segment}. */
  public boolean onHost() {
    return segment.byteSize() >= bytes;
  }
}
