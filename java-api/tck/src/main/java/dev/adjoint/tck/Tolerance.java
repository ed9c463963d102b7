package dev.adjoint.tck;

import dev.adjoint.DType;

/**
 * How far a floating-point result may be from the reference: within {@code ulps} units in the last
 * place of the expected value, or within {@code units} unit roundoffs (2⁻²⁴ for F32, 2⁻⁵³ for F64)
 * times a scale that the case states, because results that cross zero cannot be held to ulps. In
 * F64 twice as much, for there the reference rounds as often itself.
 *
 * <p>In 16 bits it is that of F32, in which they are computed, and one unit in the last place
 * besides: two results that differ so may be rounded to neighbours. Where backends may round to 16
 * bits what lies between inputs and results, it is {@code inside} unit roundoffs of BF16 (2⁻⁸)
 * times the scale, too.
 */
public record Tolerance(double ulps, double units, double inside) {
  /** Equal numbers; the two zeros are equal, and so are all NaNs. */
  public static final Tolerance EXACT = new Tolerance(0, 0, 0);

  /** Within some units in the last place. */
  public static Tolerance ulps(double ulps) {
    return new Tolerance(ulps, 0, 0);
  }

  /** Within some unit roundoffs of the scale. */
  public static Tolerance units(double units) {
    return new Tolerance(0, units, 0);
  }

  /** Either. */
  public Tolerance orUnits(double other) {
    return new Tolerance(ulps, other, inside);
  }

  /** With so many roundings to 16 bits before that of the result, if that has 16 bits. */
  public Tolerance roundedInside(double roundings) {
    return new Tolerance(ulps, units, roundings);
  }

  /** Whether {@code actual} is near enough. NaN and infinities must be met exactly. */
  public boolean accepts(DType dtype, double expected, double actual, double scale) {
    if (expected == actual || (Double.isNaN(expected) && Double.isNaN(actual))) {
      return true;
    }
    if (!Double.isFinite(expected) || !Double.isFinite(actual)) {
      return false;
    }
    double error = Math.abs(expected - actual);
    if (dtype.isHalf()) {
      double neighbour = ulp(dtype, Math.max(Math.abs(expected), Math.abs(actual)));
      double before = units * roundoff(DType.F32) + inside * roundoff(dtype);
      return !equals(EXACT) && error <= neighbour + before * scale;
    }
    double share = dtype == DType.F64 ? error / 2 : error;
    return share <= ulps * ulp(dtype, expected) || share <= units * roundoff(dtype) * scale;
  }

  /** The distance between neighbouring numbers of the type. */
  static double ulp(DType dtype, double x) {
    return switch (dtype) {
      case F16 -> Math.max(0x1p-24, Math.ulp((float) x) * 0x1p13);
      case BF16 -> Math.max(0x1p-133, Math.ulp((float) x) * 0x1p16);
      case F32 -> Math.ulp((float) x);
      default -> Math.ulp(x);
    };
  }

  private static double roundoff(DType dtype) {
    return ulp(dtype, 1) / 2;
  }
}
