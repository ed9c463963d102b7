package dev.adjoint.benchmarks;

import java.util.function.LongToDoubleFunction;

/**
 * The same numbers for everybody: pure arithmetic on an input's position and an element's place.
 */
public final class Inputs {
  /** How many values of a result are compared. */
  public static final int PICKED = 16384;

  /** The position of the gradient that comes from above, in cases with {@code backward}. */
  public static final int UPSTREAM = 9;

  private Inputs() {}

  /** Element {@code i} of an input, in [-1, 1); exact in float32. */
  public static float value(int position, long i) {
    return (bits(position, i) >>> 40) * 0x1p-23f - 1;
  }

  /** Element {@code i} of an input of indices, in [0, bound). */
  public static long index(int position, long i, long bound) {
    return Long.remainderUnsigned(bits(position, i), bound);
  }

  /** SplitMix64's output function (Steele, Lea, Flood 2014) of a counter. */
  private static long bits(int position, long i) {
    long z = (((long) position << 40) + i) * 0x9E3779B97F4A7C15L;
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }

  /** The places of a result of {@code n} elements that are compared: all, or evenly spread ones. */
  public static long[] places(long n) {
    int count = (int) Math.min(n, PICKED);
    long[] places = new long[count];
    for (int i = 0; i < count; i++) {
      // Not a multiple of a row's length, which would compare one column only.
      places[i] = count == n ? i : Math.min(n - 1, i * (n / count) + i % (n / count));
    }
    return places;
  }

  /** The values at {@link #places}. */
  public static double[] pick(long n, LongToDoubleFunction values) {
    long[] places = places(n);
    double[] picked = new double[places.length];
    for (int i = 0; i < places.length; i++) {
      picked[i] = values.applyAsDouble(places[i]);
    }
    return picked;
  }
}
