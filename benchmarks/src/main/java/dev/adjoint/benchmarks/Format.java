package dev.adjoint.benchmarks;

import java.util.Locale;

/** Numbers for people. */
final class Format {
  private Format() {}

  /** Three digits and a unit that suits. */
  static String seconds(double seconds) {
    if (Double.isNaN(seconds)) {
      return "";
    }
    if (seconds >= 1) {
      return digits(seconds) + " s";
    }
    if (seconds >= 1e-3) {
      return digits(seconds * 1e3) + " ms";
    }
    return seconds >= 1e-6 ? digits(seconds * 1e6) + " µs" : digits(seconds * 1e9) + " ns";
  }

  /** A number and its unit; nothing for NaN. */
  static String amount(double value, String unit) {
    return Double.isNaN(value) ? "" : digits(value) + " " + unit;
  }

  /** Three significant digits, thousands in groups. */
  static String digits(double value) {
    double size = Math.abs(value);
    String pattern = size >= 99.95 || size == 0 ? "%,.0f" : size >= 9.995 ? "%.1f" : "%.2f";
    return String.format(Locale.ROOT, size > 0 && size < 0.0995 ? "%.2g" : pattern, value);
  }

  /** Two digits and a power of ten. */
  static String scientific(double value) {
    return value == 0 ? "0" : String.format(Locale.ROOT, "%.1e", value);
  }

  static String percent(double fraction) {
    return Double.isNaN(fraction) ? "" : String.format(Locale.ROOT, "%.0f %%", 100 * fraction);
  }

  static String times(double ratio) {
    return digits(ratio) + "×";
  }

  /** {@code 1 thread}, {@code 2 threads}, {@code GPU}. */
  static String threads(int threads) {
    if (threads == PeerProvider.ON_GPU) {
      return "GPU";
    }
    return threads == 1 ? "1 thread" : threads + " threads";
  }

  static String bytes(long bytes) {
    return bytes >= 1L << 30
        ? digits(bytes / (double) (1L << 30)) + " GiB"
        : bytes >= 1 << 20
            ? digits(bytes / (double) (1 << 20)) + " MiB"
            : digits(bytes / 1024.0) + " KiB";
  }
}
