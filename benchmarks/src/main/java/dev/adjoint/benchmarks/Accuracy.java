package dev.adjoint.benchmarks;

import java.util.List;
import java.util.function.DoubleUnaryOperator;

/**
 * Errors against float64: of functions in units in the last place (ulp) of float32, of products
 * against what k roundings allow.
 */
final class Accuracy {
  /** The functions whose errors are measured. */
  static final List<String> FUNCTIONS =
      List.of("exp", "tanh", "sigmoid", "erf", "gelu", "gelu_tanh", "silu");

  private static final double EPSILON = 0x1p-24;
  private static final double TWO_BY_SQRT_PI = 2 / Math.sqrt(Math.PI);

  private Accuracy() {}

  /** The largest error and where it is. */
  record Worst(double error, String at) {}

  /** A function in float64, right to about 10⁻¹⁴ wherever its result is not denormal. */
  static DoubleUnaryOperator exact(String function) {
    return switch (function) {
      case "exp" -> StrictMath::exp;
      case "tanh" -> StrictMath::tanh;
      case "sigmoid" -> Accuracy::sigmoid;
      case "erf" -> x -> x < 0 ? -erf(-x) : erf(x);
      case "gelu" -> x -> x * 0.5 * erfc(-x / Math.sqrt(2));
      case "gelu_tanh" ->
          x -> x * sigmoid(2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x));
      case "silu" -> x -> x * sigmoid(x);
      default -> throw new IllegalArgumentException("no exact " + function);
    };
  }

  private static double sigmoid(double x) {
    return 1 / (1 + StrictMath.exp(-x));
  }

  private static double erf(double x) {
    return x < 2 ? series(x) : 1 - fraction(x);
  }

  private static double erfc(double x) {
    return x < 0 ? 1 + erf(-x) : x < 2 ? 1 - series(x) : fraction(x);
  }

  /** erf by a series of positive terms (Abramowitz and Stegun 7.1.6). */
  private static double series(double x) {
    double term = x;
    double sum = x;
    for (int n = 1; term > sum * 1e-18; n++) {
      term *= 2 * x * x / (2 * n + 1);
      sum += term;
    }
    return TWO_BY_SQRT_PI * StrictMath.exp(-x * x) * sum;
  }

  /** erfc by its continued fraction (7.1.14), from the back. */
  private static double fraction(double x) {
    double tail = x;
    for (int n = 200; n > 0; n--) {
      tail = x + n / 2.0 / tail;
    }
    return StrictMath.exp(-x * x) / Math.sqrt(Math.PI) / tail;
  }

  /**
   * The largest error of a function over {@link Inputs}.
   *
   * @param c a function at as many places as are compared
   * @param result what a peer computed
   * @return in ulp; where the function crosses zero, a unit is at least 2⁻²⁴ max(1, |x|)
   */
  static Worst ofFunction(OpCase c, double[] result) {
    DoubleUnaryOperator exact = exact(c.op());
    boolean crossing = c.op().contains("gelu") || c.op().equals("silu");
    double worst = 0;
    double at = 0;
    for (int i = 0; i < result.length; i++) {
      double x = c.inputs().getFirst().value(0, i);
      double expected = exact.applyAsDouble(x);
      double unit = Math.ulp((float) Math.min(Math.abs(expected), Float.MAX_VALUE));
      if (crossing) {
        unit = Math.max(unit, 0x1p-24 * Math.max(1, Math.abs(x)));
      }
      double error =
          (float) expected == result[i] ? 0 : Math.abs(result[i] - expected) / unit;
      if (!(error <= worst)) { // NaN too
        worst = error;
        at = x;
      }
    }
    return new Worst(worst, "x = " + (float) at);
  }

  /**
   * The largest error of a float32 product's picked elements, as a fraction of k ε Σ|a||b|, which no order
   * of summation exceeds.
   */
  static Worst ofProduct(GemmCase c, double[] result) {
    long[] places = Inputs.places(c.batch() * c.m() * c.n());
    double worst = 0;
    long at = 0;
    for (int p = 0; p < places.length; p++) {
      long matrix = places[p] / (c.m() * c.n());
      long row = places[p] / c.n() % c.m();
      long column = places[p] % c.n();
      double sum = 0;
      double lost = 0;
      double magnitude = 0;
      for (long i = 0; i < c.k(); i++) {
        long inA = c.transA() ? i * c.m() + row : row * c.k() + i;
        long inB = c.transB() ? column * c.k() + i : i * c.n() + column;
        double a = Inputs.value(0, matrix * c.m() * c.k() + inA);
        double b = Inputs.value(1, matrix * c.k() * c.n() + inB);
        // Products of 24-bit numbers are exact; the sum is Kahan's.
        double term = a * b - lost;
        double next = sum + term;
        lost = next - sum - term;
        sum = next;
        magnitude += Math.abs(a * b);
      }
      double error = Math.abs(result[p] - sum) / (c.k() * EPSILON * magnitude);
      if (!(error <= worst)) {
        worst = error;
        at = places[p];
      }
    }
    return new Worst(worst, "element " + at);
  }
}
