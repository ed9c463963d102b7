package dev.adjoint.spi;

import java.util.Locale;

/** Reductions over any set of dimensions. */
public enum Reduction {
  /** The sum; 0 of nothing. F32, F64 and I64. */
  SUM,
  /** The arithmetic mean; NaN of nothing. F32 and F64. */
  MEAN,
  /** The largest; NaN if any is NaN; never called with nothing to reduce. F32, F64 and I64. */
  MAX,
  /** The smallest; NaN if any is NaN; never called with nothing to reduce. F32, F64 and I64. */
  MIN;

  private final String symbol = name().toLowerCase(Locale.ROOT);

  /** The name that kernels, catalog rows and messages share. */
  public String symbol() {
    return symbol;
  }
}
