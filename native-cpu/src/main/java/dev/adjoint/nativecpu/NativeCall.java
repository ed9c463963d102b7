package dev.adjoint.nativecpu;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.adjoint.spi.KernelCall;
import dev.adjoint.spi.KernelStatusException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A kernel and its argument block. Immutable: it may run many times, on any thread.
 *
 * @param target the kernel
 * @param words the argument block, as kernels.h lays it out; never changed after this
 * @param brief whether it is done within about 10 µs: then it runs without leaving the JVM's thread
 *     state, which blocks collections but saves two thirds of the crossing
 */
@SuppressWarnings("ArrayRecordComponent") // identity is all that anyone needs of a call
record NativeCall(NativeFunction target, long[] words, boolean brief) implements KernelCall {
  private static final long SMALLEST_BLOCK = 64 * Long.BYTES;

  /** Where a thread's argument blocks pass over; collected together with the thread. */
  private static final ThreadLocal<MemorySegment> BLOCK =
      ThreadLocal.withInitial(() -> newBlock(SMALLEST_BLOCK));

  @Override
  public String kernel() {
    return target.name();
  }

  @Override
  public void run() {
    MemorySegment runner = target.runner();
    long kernel = target.function().address();
    int status =
        brief
            ? Downcalls.briefRun(runner, kernel, words)
            : Downcalls.run(runner, kernel, outside());
    if (status != 0) {
      throw new KernelStatusException(target.name(), status);
    }
  }

  /** Copies the block out of the heap; its address is good until this thread's next call. */
  private long outside() {
    MemorySegment block = BLOCK.get();
    long bytes = (long) words.length * Long.BYTES;
    if (block.byteSize() < bytes) {
      block = newBlock(Math.max(bytes, 2 * block.byteSize()));
      BLOCK.set(block);
    }
    MemorySegment.copy(words, 0, block, JAVA_LONG, 0, words.length);
    return block.address();
  }

  private static MemorySegment newBlock(long bytes) {
    return Arena.ofAuto().allocate(bytes, Long.BYTES);
  }
}
