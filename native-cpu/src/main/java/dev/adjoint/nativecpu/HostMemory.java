package dev.adjoint.nativecpu;

import dev.adjoint.spi.Memory;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Blocks of main memory from the base library: aligned, and on huge pages where that pays. */
final class HostMemory {
  private final MemorySegment alloc;
  private final MemorySegment free;

  HostMemory(NativeLibrary base) {
    this.alloc = base.function("adj_alloc");
    this.free = base.function("adj_free");
  }

  /** A block, contents undefined; null if there is no memory. */
  @SuppressWarnings("restricted") // the block is exactly that long
  @Nullable Memory allocate(long bytes) {
    long address = Downcalls.alloc(alloc, bytes);
    return address == 0
        ? null
        : new Memory(address, bytes, MemorySegment.ofAddress(address).reinterpret(bytes));
  }

  void free(Memory memory) {
    Downcalls.free(free, memory.address());
  }
}
