package dev.adjoint.reference;

/**
 * A sum whose rounding errors are kept and added at the end (Neumaier 1974): exact to about an ulp
 * however many terms there are, so that any order of adding may be compared with it.
 */
final class Sum {
  private double sum;
  private double lost;

  void add(double x) {
    double next = sum + x;
    lost += Math.abs(sum) >= Math.abs(x) ? sum - next + x : x - next + sum;
    sum = next;
  }

  double value() {
    // Nothing is lost of an infinity, but the formula says NaN.
    return Double.isFinite(sum) ? sum + lost : sum;
  }
}
