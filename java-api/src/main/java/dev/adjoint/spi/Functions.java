package dev.adjoint.spi;

/** Formulas of the kernels' specification, in float64. */
final class Functions {
  static final double TWO_OVER_SQRT_PI = 1.1283791670955126;
  private static final double SQRT_HALF = 0.7071067811865476;
  private static final double INV_SQRT_2PI = 0.3989422804014327;
  private static final double SQRT_2_OVER_PI = 0.7978845608028654;
  private static final double GELU_CUBIC = 0.044715;

  private Functions() {}

  static double sigmoid(double x) {
    // e^−|x| never overflows, so that the left tail keeps its digits.
    double e = Math.exp(-Math.abs(x));
    return x < 0 ? e / (1 + e) : 1 / (1 + e);
  }

  /**
   * The error function: near 0 the series 2/√π · e^−x² · Σ 2ⁿ x²ⁿ⁺¹ / (2n+1)!!, whose terms all
   * have one sign, so that nothing cancels; elsewhere the continued fraction of erfc.
   */
  static double erf(double x) {
    double a = Math.abs(x);
    if (a < 1) {
      double term = x;
      double sum = 0;
      for (int n = 1; sum + term != sum; n++) {
        sum += term;
        term *= 2 * x * x / (2 * n + 1);
      }
      return TWO_OVER_SQRT_PI * Math.exp(-x * x) * sum;
    }
    return Double.isNaN(x) ? x : Math.copySign(1 - erfcTail(a), x);
  }

  /** erfc for x at or above 1 (Abramowitz and Stegun 7.1.14, evaluated backward). */
  private static double erfcTail(double x) {
    if (x > 27) {
      return 0;
    }
    double fraction = x;
    for (int k = 300; k >= 1; k--) {
      fraction = x + 0.5 * k / fraction;
    }
    return Math.exp(-x * x) / fraction * (TWO_OVER_SQRT_PI / 2);
  }

  private static double normalCdf(double x) {
    return x < -1.5 ? 0.5 * erfcTail(-x * SQRT_HALF) : 0.5 * (1 + erf(x * SQRT_HALF));
  }

  /** a^b as C and PyTorch have it: 1 to any power is 1, and so is −1 to an infinite one. */
  static double pow(double a, double b) {
    return a == 1 || (a == -1 && Double.isInfinite(b)) ? 1 : Math.pow(a, b);
  }

  static double gelu(double x) {
    return x * normalCdf(x);
  }

  static double geluGrad(double x) {
    return normalCdf(x) + x * INV_SQRT_2PI * Math.exp(-0.5 * x * x);
  }

  static double geluTanh(double x) {
    // 0.5 (1 + tanh u) = sigmoid(2u): keeps the small values of the left tail.
    double u = SQRT_2_OVER_PI * (x + GELU_CUBIC * x * x * x);
    return x * sigmoid(2 * u);
  }

  static double geluTanhGrad(double x) {
    double u = 2 * SQRT_2_OVER_PI * (x + GELU_CUBIC * x * x * x);
    double s = sigmoid(u);
    double slope = s * sigmoid(-u);
    // Where the curve is straight, 0 × ∞ must not make NaN of a large finite x.
    return slope == 0 ? s : s + x * slope * 2 * SQRT_2_OVER_PI * (1 + 3 * GELU_CUBIC * x * x);
  }

  static double silu(double x) {
    return x * sigmoid(x);
  }

  static double siluGrad(double x) {
    double s = sigmoid(x);
    double slope = s * sigmoid(-x);
    return slope == 0 ? s : s + x * slope;
  }
}
