package dev.adjoint;

import dev.adjoint.spi.ElementwiseKernels.Copy;
import dev.adjoint.internal.Check;
import dev.adjoint.internal.Dispatch;
import dev.adjoint.host.HostAccess;
import dev.adjoint.internal.Recorder;
import dev.adjoint.internal.Tensors;
import dev.adjoint.spi.Philox;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A source of random numbers: a seed and a counter of operations, so that the numbers depend on
 * these two alone and not on threads, backends or memory. Its state lives on one device, where
 * kernels read and advance it.
 */
public final class Generator implements AutoCloseable {
  private final Device device;
  private long seed;
  private @Nullable Tensor state;

  /** A generator for tensors of one device. */
  public Generator(Device device, long seed) {
    this.device = device;
    this.seed = seed;
  }

  /** The default generator of a device, seeded by {@link Adjoint#manualSeed}. */
  public static Generator ofDevice(Device device) {
    return Adjoint.generator(device);
  }

  /** The device whose tensors it fills. */
  public Device device() {
    return device;
  }

  /**
   * I64 [2] = {seed, operations so far}, on the device; for operations.
   *
   * @throws DeviceMismatchException if {@code wanted} is another device
   */
  public Tensor state(Device wanted) {
    if (!wanted.equals(device)) {
      throw new DeviceMismatchException(
          "generator: belongs to " + device + " and cannot fill tensors on " + wanted);
    }
    synchronized (this) {
      Tensor current = state;
      if (current == null) {
        current = upload(seed, 0);
        state = current;
      }
      return current;
    }
  }

  private Tensor upload(long first, long second) {
    MemorySegment words = MemorySegment.ofArray(new long[] {first, second});
    return Scope.escape(HostAccess.of(words, Shape.of(2), DType.I64, device));
  }

  /** {seed, operations so far}: all there is to save. */
  public long[] save() {
    return state(device).toLongArray();
  }

  /** Goes on from what {@link #save} returned. */
  public void restore(long[] saved) {
    if (saved.length != 2) {
      throw new TensorException("generator: a saved state has 2 numbers, got " + saved.length);
    }
    Recorder.forbid("generator.restore");
    synchronized (this) {
      seed = saved[0];
      Tensor current = state(device);
      try (Tensor fresh = upload(saved[0], saved[1])) {
        Dispatch.run(new Copy(Tensors.view(fresh), Tensors.view(current)), current, fresh);
      }
    }
  }

  /** Starts again with a seed. */
  public void manualSeed(long newSeed) {
    restore(new long[] {newSeed, 0});
  }

  /** A number in [0, bound) for Java code (shuffling, sampling); takes one operation. */
  public long nextLong(long bound) {
    checkBound(bound);
    return bounded(nextBits(), bound);
  }

  private static void checkBound(long bound) {
    Check.that(bound > 0, "generator", () -> "the bound must be positive, got " + bound);
  }

  private static void checkCount(long count) {
    Check.that(count >= 0, "generator", () -> "the count must not be negative, got " + count);
  }

  private static long bounded(long bits, long bound) {
    return Math.unsignedMultiplyHigh(bits, bound);
  }

  /** A number in [0, 1) for Java code; takes one operation. */
  public double nextDouble() {
    return (nextBits() >>> 11) * 0x1p-53;
  }

  /**
   * The numbers 0 to before {@code count} in random order, for Java code; takes {@code count}
   * operations. Much faster than {@link #nextLong} for each, since the state is read and written
   * once.
   *
   * @throws TensorException if {@code count} is negative
   */
  public long[] permutation(int count) {
    checkCount(count);
    long[] order = new long[count];
    long[] start = take(count);
    for (int i = 0; i < count; i++) { // Fisher and Yates
      int other = (int) bounded(Philox.bits64(start[0], start[1] + i, 0), i + 1);
      order[i] = order[other];
      order[other] = i;
    }
    return order;
  }

  /**
   * Numbers in [0, bound) for Java code: those that {@link #nextLong} would return one after the
   * other, with the state read and written once.
   *
   * @throws TensorException if {@code count} is negative, or {@code bound} not positive
   */
  public long[] nextLongs(int count, long bound) {
    checkBound(bound);
    checkCount(count);
    long[] numbers = new long[count];
    long[] start = take(count);
    Arrays.setAll(numbers, i -> bounded(Philox.bits64(start[0], start[1] + i, 0), bound));
    return numbers;
  }

  /**
   * Goes on as if so many operations had drawn numbers.
   *
   * @throws TensorException if {@code operations} is negative
   */
  public void skip(long operations) {
    checkCount(operations);
    take(operations);
  }

  private long nextBits() {
    long[] start = take(1);
    return Philox.bits64(start[0], start[1], 0);
  }

  /** The state before so many operations, which nobody else gets. */
  private long[] take(long operations) {
    Recorder.forbid("generator");
    synchronized (this) {
      long[] now = save();
      restore(new long[] {now[0], now[1] + operations});
      return now;
    }
  }

  @Override
  public void close() {
    synchronized (this) {
      if (state != null) {
        state.close();
        state = null;
      }
    }
  }

  @Override
  public String toString() {
    return "Generator[" + device + ", seed=" + seed + "]";
  }
}
