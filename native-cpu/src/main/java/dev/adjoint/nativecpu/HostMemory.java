package dev.adjoint.nativecpu;

import dev.adjoint.spi.Memory;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandleProxies;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.ref.Cleaner;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Blocks of main memory from the base library: aligned, and on huge pages where that pays. Those
 * that were not given back are when the class loader of this library is collected, as after the
 * redeployment of a web application.
 */
final class HostMemory {
  private static final Cleaner CLEANER = Cleaner.create();

  private final MemorySegment alloc;
  private final MemorySegment free;
  private final Set<Long> blocks = ConcurrentHashMap.newKeySet();

  HostMemory(NativeLibrary base) {
    this.alloc = base.function("adj_alloc");
    this.free = base.function("adj_free");
    CLEANER.register(this, freeing(blocks, Downcalls.free(free)));
  }

  /**
   * Frees all blocks of a set. Made of objects of the JDK alone: the Cleaner's thread holds it, and
   * what it held of this library would hold the class loader.
   *
   * @param free takes an address
   */
  private static Runnable freeing(Set<Long> blocks, MethodHandle free) {
    try {
      Consumer<?> freeOne =
          MethodHandleProxies.asInterfaceInstance(
              Consumer.class, free.asType(MethodType.methodType(void.class, Object.class)));
      MethodHandle forEach =
          MethodHandles.publicLookup()
              .findVirtual(
                  Iterable.class, "forEach", MethodType.methodType(void.class, Consumer.class));
      return MethodHandleProxies.asInterfaceInstance(
          Runnable.class, MethodHandles.insertArguments(forEach, 0, blocks, freeOne));
    } catch (ReflectiveOperationException e) {
      throw new LinkageError("Iterable.forEach", e);
    }
  }

  /** A block, contents undefined; null if there is no memory. */
  @SuppressWarnings("restricted") // the block is exactly that long
  @Nullable Memory allocate(long bytes) {
    long address = Downcalls.alloc(alloc, bytes);
    if (address == 0) {
      return null;
    }
    blocks.add(address);
    return new Memory(address, bytes, MemorySegment.ofAddress(address).reinterpret(bytes));
  }

  void free(Memory memory) {
    blocks.remove(memory.address());
    Downcalls.free(free, memory.address());
  }
}
