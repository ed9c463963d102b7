package dev.adjoint.spi;

import java.util.Locale;
import java.util.function.DoubleBinaryOperator;

/** Functions of two variables, element by element; comparisons give BOOL. */
@SuppressWarnings("ImmutableEnumChecker") // the formulas are stateless lambdas
public enum BinaryFunction {
  /** a + b. */
  ADD(Double::sum, Domain.NUMBERS),
  /** a − b. */
  SUB((a, b) -> a - b, Domain.NUMBERS),
  /** a · b. */
  MUL((a, b) -> a * b, Domain.NUMBERS),
  /** a / b; floating types only. */
  DIV((a, b) -> a / b, Domain.REALS),
  /** a^b; floating types only; 1^b is 1 for any b, NaN included. */
  POW(Functions::pow, Domain.REALS),
  /** The larger one; NaN if either is NaN. */
  MAXIMUM(Math::max, Domain.NUMBERS),
  /** The smaller one; NaN if either is NaN. */
  MINIMUM(Math::min, Domain.NUMBERS),
  /** a = b. */
  EQ((a, b) -> a == b ? 1 : 0, Domain.COMPARISON),
  /** a ≠ b. */
  NE((a, b) -> a != b ? 1 : 0, Domain.COMPARISON),
  /** a &lt; b. */
  LT((a, b) -> a < b ? 1 : 0, Domain.COMPARISON),
  /** a ≤ b. */
  LE((a, b) -> a <= b ? 1 : 0, Domain.COMPARISON),
  /** a &gt; b. */
  GT((a, b) -> a > b ? 1 : 0, Domain.COMPARISON),
  /** a ≥ b. */
  GE((a, b) -> a >= b ? 1 : 0, Domain.COMPARISON);

  private enum Domain {
    NUMBERS,
    REALS,
    COMPARISON
  }

  private final String symbol = name().toLowerCase(Locale.ROOT);
  private final DoubleBinaryOperator formula;
  private final Domain domain;

  BinaryFunction(DoubleBinaryOperator formula, Domain domain) {
    this.formula = formula;
    this.domain = domain;
  }

  /** The name that kernels, catalog rows and messages share. */
  public String symbol() {
    return symbol;
  }

  /** The function, in float64; integers beyond 2⁵³ are the backend's own business. */
  public double apply(double a, double b) {
    return formula.applyAsDouble(a, b);
  }

  /** Whether the result is BOOL instead of the inputs' type. */
  public boolean isComparison() {
    return domain == Domain.COMPARISON;
  }

  /** Whether only floating types are accepted. */
  public boolean floatingOnly() {
    return domain == Domain.REALS;
  }
}
