package dev.adjoint.spi;

/**
 * The random numbers of {@link RandomKernels}, one small function per step: the generator Philox
 * 4x32-10 (Salmon et al. 2011), uniforms, and normals by the inverse distribution function.
 *
 * <p>Every backend repeats these operations one by one in this order and so gets equal bits. Hence
 * the floating-point functions use only + − × ÷ √, each rounded by itself (no fused multiply-add,
 * no library function), and moves between a double and its bits.
 */
@SuppressWarnings("FloatingPointLiteralPrecision") // the digits that AS 241 prints
public final class Philox {
  private static final int ROUNDS = 10;
  private static final long MULTIPLIER_0 = 0xD2511F53L;
  private static final long MULTIPLIER_1 = 0xCD9E8D57L;
  private static final int WEYL_0 = 0x9E3779B9;
  private static final int WEYL_1 = 0xBB67AE85;

  private static final long SQRT_HALF_BITS = 0x3FE6A09E667F3BCDL;
  private static final long MANTISSA_MASK = 0x000FFFFFFFFFFFFFL;

  /** ln 2 in two parts; the high one has 21 trailing zero bits, so that k · LN2_HIGH is exact. */
  private static final double LN2_HIGH = 0x1.62e42fee00000p-1;

  private static final double LN2_LOW = 0x1.a39ef35793c76p-33;

  private Philox() {}

  // ---- bits ----

  /**
   * The four words that Philox 4x32-10 makes of one counter and one key.
   *
   * @param index counter words 0 (low half) and 1 (high half)
   * @param counter counter words 2 and 3
   * @param seed key words 0 and 1
   */
  public static int[] block(long index, long counter, long seed) {
    int c0 = (int) index;
    int c1 = (int) (index >>> 32);
    int c2 = (int) counter;
    int c3 = (int) (counter >>> 32);
    int k0 = (int) seed;
    int k1 = (int) (seed >>> 32);
    for (int round = 0; round < ROUNDS; round++) {
      long product0 = MULTIPLIER_0 * Integer.toUnsignedLong(c0);
      long product1 = MULTIPLIER_1 * Integer.toUnsignedLong(c2);
      c0 = (int) (product1 >>> 32) ^ c1 ^ k0;
      c1 = (int) product1;
      c2 = (int) (product0 >>> 32) ^ c3 ^ k1;
      c3 = (int) product0;
      k0 += WEYL_0;
      k1 += WEYL_1;
    }
    return new int[] {c0, c1, c2, c3};
  }

  /** The 32 random bits of element {@code i} of the operation with this counter. */
  public static int bits32(long seed, long counter, long i) {
    return block(i >>> 2, counter, seed)[(int) (i & 3)];
  }

  /** The 64 random bits of element {@code i} of the operation with this counter. */
  public static long bits64(long seed, long counter, long i) {
    int[] words = block(i >>> 1, counter, seed);
    int low = (int) (i & 1) * 2;
    return Integer.toUnsignedLong(words[low]) | (long) words[low + 1] << 32;
  }

  // ---- uniforms ----

  /** Uniform on [0, 1): the upper 24 bits, exact in float32. */
  public static float uniform32(int bits) {
    return (bits >>> 8) * 0x1p-24f;
  }

  /** Uniform on [0, 1): the upper 53 bits, exact in float64. */
  public static double uniform64(long bits) {
    return (bits >>> 11) * 0x1p-53;
  }

  /** Uniform on [low, high), in float32; {@code low} where rounding would reach {@code high}. */
  public static float uniform32(int bits, float low, float high) {
    float value = low + uniform32(bits) * (high - low);
    return value < high ? value : low;
  }

  /** Uniform on [low, high), in float64; {@code low} where rounding would reach {@code high}. */
  public static double uniform64(long bits, double low, double high) {
    double value = low + uniform64(bits) * (high - low);
    return value < high ? value : low;
  }

  // ---- normals ----

  /** A standard normal variate from 32 bits: of (bits + ½) · 2⁻³², which is exact and in (0, 1). */
  public static double normal32(int bits) {
    return inverseNormal((Integer.toUnsignedLong(bits) + 0.5) * 0x1p-32);
  }

  /**
   * A standard normal variate from the upper 52 of 64 bits: of ((bits ≫ 12) + ½) · 2⁻⁵², which is
   * exact and in (0, 1). (With one bit more, the largest would round to 1 and give infinity.)
   */
  public static double normal64(long bits) {
    return inverseNormal(((bits >>> 12) + 0.5) * 0x1p-52);
  }

  /**
   * The inverse of the standard normal distribution function (Wichura 1988, algorithm AS 241,
   * PPND16), accurate to about 16 digits.
   *
   * @param p in (0, 1)
   */
  public static double inverseNormal(double p) {
    double q = p - 0.5;
    if (Math.abs(q) <= 0.425) {
      return central(q);
    }
    double r = Math.sqrt(-log(q < 0 ? p : 1 - p));
    double z = r <= 5 ? tail(r - 1.6) : farTail(r - 5);
    return q < 0 ? -z : z;
  }

  private static double central(double q) {
    double r = 0.180625 - q * q;
    double numerator = 2.5090809287301226727e+3;
    numerator = numerator * r + 3.3430575583588128105e+4;
    numerator = numerator * r + 6.7265770927008700853e+4;
    numerator = numerator * r + 4.5921953931549871457e+4;
    numerator = numerator * r + 1.3731693765509461125e+4;
    numerator = numerator * r + 1.9715909503065514427e+3;
    numerator = numerator * r + 1.3314166789178437745e+2;
    numerator = numerator * r + 3.3871328727963666080e+0;
    double denominator = 5.2264952788528545610e+3;
    denominator = denominator * r + 2.8729085735721942674e+4;
    denominator = denominator * r + 3.9307895800092710610e+4;
    denominator = denominator * r + 2.1213794301586595867e+4;
    denominator = denominator * r + 5.3941960214247511077e+3;
    denominator = denominator * r + 6.8718700749205790830e+2;
    denominator = denominator * r + 4.2313330701600911252e+1;
    denominator = denominator * r + 1.0;
    return q * numerator / denominator;
  }

  private static double tail(double r) {
    double numerator = 7.74545014278341407640e-4;
    numerator = numerator * r + 2.27238449892691845833e-2;
    numerator = numerator * r + 2.41780725177450611770e-1;
    numerator = numerator * r + 1.27045825245236838258e+0;
    numerator = numerator * r + 3.64784832476320460504e+0;
    numerator = numerator * r + 5.76949722146069140550e+0;
    numerator = numerator * r + 4.63033784615654529590e+0;
    numerator = numerator * r + 1.42343711074968357734e+0;
    double denominator = 1.05075007164441684324e-9;
    denominator = denominator * r + 5.47593808499534494600e-4;
    denominator = denominator * r + 1.51986665636164571966e-2;
    denominator = denominator * r + 1.48103976427480074590e-1;
    denominator = denominator * r + 6.89767334985100004550e-1;
    denominator = denominator * r + 1.67638483018380384940e+0;
    denominator = denominator * r + 2.05319162663775882187e+0;
    denominator = denominator * r + 1.0;
    return numerator / denominator;
  }

  private static double farTail(double r) {
    double numerator = 2.01033439929228813265e-7;
    numerator = numerator * r + 2.71155556874348757815e-5;
    numerator = numerator * r + 1.24266094738807843860e-3;
    numerator = numerator * r + 2.65321895265761230930e-2;
    numerator = numerator * r + 2.96560571828504891230e-1;
    numerator = numerator * r + 1.78482653991729133580e+0;
    numerator = numerator * r + 5.46378491116411436990e+0;
    numerator = numerator * r + 6.65790464350110377720e+0;
    double denominator = 2.04426310338993978564e-15;
    denominator = denominator * r + 1.42151175831644588870e-7;
    denominator = denominator * r + 1.84631831751005468180e-5;
    denominator = denominator * r + 7.86869131145613259100e-4;
    denominator = denominator * r + 1.48753612908506148525e-2;
    denominator = denominator * r + 1.36929880922735805310e-1;
    denominator = denominator * r + 5.99832206555887937690e-1;
    denominator = denominator * r + 1.0;
    return numerator / denominator;
  }

  /**
   * The natural logarithm, within 3 ulp: x = 2ᵏ·m with √½ ≤ m &lt; √2, and ln m = 2 artanh s with s
   * = (m − 1)/(m + 1) by its series, whose next term is below 2⁻⁵⁷.
   *
   * @param x positive, normal and finite
   */
  public static double log(double x) {
    long bits = Double.doubleToRawLongBits(x) - SQRT_HALF_BITS;
    // An arithmetic shift: k is negative below √½. What it cuts off is m's distance from √½.
    long k = bits >> 52;
    double m = Double.longBitsToDouble((bits & MANTISSA_MASK) + SQRT_HALF_BITS);
    double s = (m - 1) / (m + 1);
    double s2 = s * s;
    double series = 1.0 / 21;
    series = series * s2 + 1.0 / 19;
    series = series * s2 + 1.0 / 17;
    series = series * s2 + 1.0 / 15;
    series = series * s2 + 1.0 / 13;
    series = series * s2 + 1.0 / 11;
    series = series * s2 + 1.0 / 9;
    series = series * s2 + 1.0 / 7;
    series = series * s2 + 1.0 / 5;
    series = series * s2 + 1.0 / 3;
    double twiceS = s + s;
    return k * LN2_HIGH + (twiceS + (twiceS * s2 * series + k * LN2_LOW));
  }
}
