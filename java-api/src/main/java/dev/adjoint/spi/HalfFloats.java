package dev.adjoint.spi;

/**
 * The two 16-bit floating types, as bits: {@code DType.BF16} is the upper half of a float, {@code
 * DType.F16} IEEE 754's binary16. Rounding is to nearest, ties to even; NaN stays NaN.
 *
 * <p>A float64 or an integer is rounded once: first {@link #toOdd to odd}, which keeps what decides
 * ties, then to 16 bits (Boldo and Melquiond 2008).
 */
public final class HalfFloats {
  private HalfFloats() {}

  /** The value of a BF16. */
  public static float fromBf16(short bits) {
    return Float.intBitsToFloat(bits << 16);
  }

  /** The nearest BF16. */
  public static short toBf16(float x) {
    int bits = Float.floatToRawIntBits(x);
    return Float.isNaN(x)
        ? (short) (bits >>> 16 | 0x40)
        : (short) ((bits + 0x7fff + (bits >>> 16 & 1)) >>> 16);
  }

  /** The nearest number that a BF16 can hold. */
  public static float roundToBf16(float x) {
    return fromBf16(toBf16(x));
  }

  /** The value of an F16. */
  public static float fromF16(short bits) {
    return Float.float16ToFloat(bits);
  }

  /** The nearest F16. */
  public static short toF16(float x) {
    return Float.floatToFloat16(x);
  }

  /** {@code x} if it is a float, else whichever of its two neighbours among them is odd. */
  public static float toOdd(double x) {
    float nearest = (float) x;
    int bits = Float.floatToRawIntBits(nearest);
    if (nearest == x || Double.isNaN(x) || (bits & 1) != 0) {
      return nearest;
    }
    return Float.intBitsToFloat(bits + (Math.abs(nearest) > Math.abs(x) ? -1 : 1));
  }

  /** {@link #toOdd(double)} of an integer, exact where float64 is not. */
  public static float toOdd(long x) {
    if (Math.abs(x) >>> Double.PRECISION == 0) {
      return toOdd((double) x);
    }
    // Bits that float64 lacks become one that it has, far below those of a float.
    long lost = x & 0x7ff;
    return toOdd((double) (x - lost | (lost != 0 ? 0x800 : 0)));
  }
}
