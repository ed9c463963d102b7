package dev.adjoint.benchmarks;

import java.util.Arrays;

/** Order statistics of samples. */
final class Statistics {
  private Statistics() {}

  /** The quantile {@code q} in [0, 1], between two samples by linear interpolation. */
  static double quantile(double[] samples, double q) {
    double[] sorted = samples.clone();
    Arrays.sort(sorted);
    double place = q * (sorted.length - 1);
    int below = (int) place;
    int above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
  }

  static double median(double[] samples) {
    return quantile(samples, 0.5);
  }

  /** The distance of the quartiles, as a fraction of the median. */
  static double spread(double[] samples) {
    return (quantile(samples, 0.75) - quantile(samples, 0.25)) / median(samples);
  }
}
