package dev.adjoint.tck;

import dev.adjoint.DType;
import dev.adjoint.Shape;
import dev.adjoint.spi.HalfFloats;
import java.util.List;
import java.util.function.LongToDoubleFunction;
import java.util.stream.DoubleStream;
import java.util.stream.LongStream;

/** Values, sizes and shapes that the cases draw on. Equal arguments give equal values. */
public final class Samples {
  /** Shapes with every rank to 4, empty ones and sizes of 1 among them. */
  public static final List<Shape> SHAPES =
      List.of(
          Shape.scalar(),
          Shape.of(1),
          Shape.of(0),
          Shape.of(7),
          Shape.of(3, 0),
          Shape.of(5, 9),
          Shape.of(33, 40),
          Shape.of(2, 3, 4),
          Shape.of(1, 6, 1, 5),
          Shape.of(2, 3, 4, 5));

  /** More elements than kernels work through in one chunk on one thread, and an odd number. */
  public static final Shape LARGE = Shape.of(70_001);

  private static final int LONGEST = 67;
  private static final long GOLDEN = 0x9E3779B97F4A7C15L;

  private Samples() {}

  /** 1 to 67: every remainder of a vector length, with and without whole vectors before it. */
  public static long[] sizes() {
    return LongStream.rangeClosed(1, LONGEST).toArray();
  }

  /** Uniform on [low, high). */
  public static LongToDoubleFunction uniform(long seed, double low, double high) {
    return i -> low + (high - low) * (mix(seed * GOLDEN + i) >>> 11) * 0x1p-53;
  }

  /** Integers of both signs, some so large that sums and products of two of them wrap around. */
  public static LongToDoubleFunction integers(long seed, DType dtype) {
    return switch (dtype) {
      case BOOL -> i -> mix(seed * GOLDEN + i) & 1;
      case I32 -> i -> (int) (mix(seed * GOLDEN + i) >> (i % 3 == 0 ? 32 : 57));
      case I64 -> i -> mix(seed * GOLDEN + i) >> (i % 3 == 0 ? 1 : 57);
      case F32, F64, F16, BF16 ->
          throw new IllegalArgumentException(dtype + " is not an integer type");
    };
  }

  /** Ordinary values of any type. */
  public static LongToDoubleFunction any(long seed, DType dtype) {
    return dtype.isFloating() ? uniform(seed, -4, 4) : integers(seed, dtype);
  }

  /** The number of a 16-bit floating type with these bits. */
  public static double half(DType dtype, long bits) {
    short low = (short) bits;
    return dtype == DType.BF16 ? HalfFloats.fromBf16(low) : HalfFloats.fromF16(low);
  }

  /** Each of these values in turn. */
  public static LongToDoubleFunction cycle(double... values) {
    return i -> values[(int) (i % values.length)];
  }

  /** The finalizer of SplitMix64 (Steele et al. 2014). */
  private static long mix(long z) {
    long a = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    long b = (a ^ (a >>> 27)) * 0x94D049BB133111EBL;
    return b ^ (b >>> 31);
  }

  /**
   * NaN, infinities, both zeros, the smallest and largest numbers, and where exp changes regime; of
   * a type that backends may compute.
   */
  public static double[] special(DType dtype) {
    boolean wide = dtype == DType.F64;
    double tiny = Tolerance.ulp(dtype, 0);
    double normal = wide ? Double.MIN_NORMAL : Float.MIN_NORMAL;
    double huge = wide ? Double.MAX_VALUE : dtype == DType.BF16 ? 0x1.fep127 : Float.MAX_VALUE;
    DoubleStream positive =
        DoubleStream.of(
            Double.POSITIVE_INFINITY,
            0,
            tiny,
            100 * tiny,
            normal / 2,
            normal,
            1e-8,
            1e-4,
            0.5,
            1,
            2,
            9,
            16.5,
            87,
            88.5,
            89,
            103,
            104.5,
            708,
            709.7,
            710,
            744,
            746,
            1e10,
            Math.sqrt(huge),
            huge / 4,
            huge);
    return positive.flatMap(x -> DoubleStream.of(x, -x, Double.NaN)).toArray();
  }
}
