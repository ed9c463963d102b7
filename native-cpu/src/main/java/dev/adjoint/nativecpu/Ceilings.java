package dev.adjoint.nativecpu;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;

import dev.adjoint.TensorException;
import dev.adjoint.spi.Memory;
import java.util.ArrayList;
import java.util.List;

/**
 * What this machine can do at most, and what the parts of a call cost: for benchmarks. Computes
 * with as many threads as the kernels do. Not thread-safe.
 */
public final class Ceilings implements AutoCloseable {
  /** Loops of nothing but fused multiply-adds, one for each element type. */
  public static final List<String> ARITHMETIC = List.of("fma_f32", "fma_f64", "fma_bf16");

  /** Loops over memory; {@code stream} is stores that pass the caches by. */
  public static final List<String> TRAFFIC =
      List.of("read", "write", "write_stream", "copy", "copy_stream", "triad", "triad_stream");

  private static final double CALL_SECONDS = 2e-3;

  /** Arrays whose addresses differ by whole pages get in each other's way. */
  private static final long SKEW = 1088;

  private static final long ALIGNMENT = 64;

  private final NativeRuntime runtime = NativeCpuProvider.shared();
  private final KernelLibrary kernels;
  private final Memory work;

  /**
   * Opens a variant.
   *
   * @throws TensorException if this machine cannot run it
   */
  public Ceilings(String variant) {
    kernels = runtime.open(variant);
    work = allocate(Math.max(1, runtime.threads()) * (long) Double.BYTES);
  }

  private Memory allocate(long bytes) {
    Memory memory = runtime.memory().allocate(bytes);
    if (memory == null) {
      throw new TensorException("ceilings: there is no memory for " + bytes + " bytes");
    }
    return memory;
  }

  /**
   * The rate that it keeps up: the median of passes of a few milliseconds. The best one would be a
   * moment in which the machine's other tenants were silent, and nothing longer could reach it.
   *
   * @param name one of {@link #ARITHMETIC} or {@link #TRAFFIC}
   * @param bytes how large all its arrays are together
   * @param seconds for how long to look, about
   * @return floating-point operations or bytes per second
   */
  public double rate(String name, long bytes, double seconds) {
    int arrays = name.startsWith("triad") ? 3 : name.startsWith("copy") ? 2 : 1;
    long n = bytes / arrays / Float.BYTES;
    Memory memory = allocate(bytes + arrays * SKEW);
    try {
      memory.segment().fill((byte) 0); // every page is there
      long times = 1;
      List<Double> rates = new ArrayList<>();
      long start = System.nanoTime();
      do {
        NativeCall call = call(name, memory.address(), arrays, n, times);
        long before = System.nanoTime();
        call.run();
        double took = (System.nanoTime() - before) * 1e-9;
        if (took < CALL_SECONDS && times < 1L << 40) {
          times *= 2;
        } else {
          rates.add(done() / took);
        }
      } while ((System.nanoTime() - start) * 1e-9 < seconds || rates.isEmpty());
      rates.sort(null);
      return rates.get(rates.size() / 2);
    } finally {
      runtime.memory().free(memory);
    }
  }

  /** With fewer than three arrays, those that the probe does not use lie on others. */
  private NativeCall call(String name, long out, int arrays, long n, long times) {
    long array = (n * Float.BYTES + SKEW) / ALIGNMENT * ALIGNMENT;
    long a = out + Math.min(1, arrays - 1) * array;
    long b = out + (arrays - 1) * array;
    NativeFunction kernel = kernels.function("ceiling_" + name);
    return call(kernel, out, a, b, work, n, runtime.threads(), times);
  }

  static NativeCall call(
      NativeFunction kernel,
      long out,
      long a,
      long b,
      Memory work,
      long n,
      long chunks,
      long times) {
    long[] words = {out, a, b, work.address(), n, chunks, times};
    return new NativeCall(kernel, words, false);
  }

  private double done() {
    double sum = 0;
    for (int thread = 0; thread < runtime.threads(); thread++) {
      sum += work.segment().getAtIndex(JAVA_DOUBLE, thread);
    }
    return sum;
  }

  /** Crosses into C and back. */
  public int downcall() {
    return runtime.threads();
  }

  /** The same without leaving the JVM's thread state, as small kernels do. */
  public int criticalDowncall() {
    return runtime.threadsBriefly();
  }

  /** A parallel region on all threads with nothing in it. */
  public void emptyRegion() {
    runtime.emptyRegion();
  }

  @Override
  public void close() {
    runtime.memory().free(work);
  }
}
