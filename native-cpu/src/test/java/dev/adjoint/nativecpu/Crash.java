package dev.adjoint.nativecpu;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;

/**
 * A program that ends with a fault in a worker thread: the caller's half of a tensor is there, the
 * worker's half is not.
 */
@SuppressWarnings("restricted")
final class Crash {
  private static final long HALF_BYTES = 256L << 20; // so that the worker comes first

  private static final int PROT_NONE = 0;
  private static final int PROT_READ_WRITE = 3;
  private static final int MAP_PRIVATE_ANONYMOUS = 0x22;

  private Crash() {}

  public static void main(String[] arguments) throws Throwable {
    Linker linker = Linker.nativeLinker();
    MemorySegment mmap = linker.defaultLookup().findOrThrow("mmap");
    MemorySegment mprotect = linker.defaultLookup().findOrThrow("mprotect");
    long address =
        (long)
            linker
                .downcallHandle(
                    mmap,
                    FunctionDescriptor.of(
                        JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG))
                .invokeExact(
                    MemorySegment.NULL, 2 * HALF_BYTES, PROT_NONE, MAP_PRIVATE_ANONYMOUS, -1, 0L);
    int result =
        (int)
            linker
                .downcallHandle(
                    mprotect, FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT))
                .invokeExact(address, HALF_BYTES, PROT_READ_WRITE);
    if (address == -1 || result != 0) {
      throw new IllegalStateException("no memory");
    }
    NativeRuntime runtime = NativeCpuProvider.shared();
    NativeFunction fill = runtime.open(runtime.best()).function("fill_f32");
    long[] words = {address, 0, 1, 2 * HALF_BYTES / Float.BYTES, 1};
    new NativeCall(fill, words, false).run();
  }
}
