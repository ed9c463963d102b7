package dev.adjoint.tck;

import dev.adjoint.Shape;
import dev.adjoint.spi.BinaryFunction;
import dev.adjoint.spi.UnaryFunction;
import java.util.ArrayList;
import java.util.List;

/**
 * Every operation, once: tests of values, gradients, layouts and kernels, and the benchmarks, all
 * draw on this list. A new operation needs one row, in the class of its family.
 */
public final class OpCatalog {
  static final Tolerance EXACT = Tolerance.EXACT;

  /** Functions that do not cross zero where their argument does not. */
  static final Tolerance ULPS = Tolerance.ulps(4);

  /** Functions and gradients that cross zero. */
  static final Tolerance CROSSING = Tolerance.ulps(4).orUnits(4);

  /** Results of some dozens of roundings each. */
  static final Tolerance SUMS = Tolerance.ulps(8).orUnits(32);

  /** In 16 bits, what the activation was applied to is rounded before its derivative sees it. */
  static final Tolerance ACTIVATED_GRADIENTS = SUMS.roundedInside(4);

  /** In 16 bits, what is kept for backward is rounded, and weights may be. */
  static final Tolerance ATTENTION = SUMS.roundedInside(2);

  static final double EPS = 1e-5;
  static final Shape MATRIX = Shape.of(5, 7);

  /** The rows. */
  public static final List<Op> OPS = rows();

  /** Operations whose inputs are of two floating types. */
  static final List<Op> MIXED = ProductOps.mixed();

  private OpCatalog() {}

  /** What backends promise about a function's values. */
  static Tolerance tolerance(UnaryFunction function) {
    return find(function.symbol()).tolerance();
  }

  /** What backends promise about a function's derivative. */
  static Tolerance gradTolerance(UnaryFunction function) {
    return find(function.symbol()).gradTolerance();
  }

  /** What backends promise about a function's values. */
  static Tolerance tolerance(BinaryFunction function) {
    return find(function.symbol()).tolerance();
  }

  private static Op find(String name) {
    return OPS.stream()
        .filter(op -> op.name().equals(name))
        .findFirst()
        .orElseThrow(() -> new IllegalStateException("OpCatalog has no row for " + name));
  }

  private static List<Op> rows() {
    List<Op> rows = new ArrayList<>();
    ElementwiseOps.addTo(rows);
    ReductionOps.addTo(rows);
    ProductOps.addTo(rows);
    MovementOps.addTo(rows);
    return List.copyOf(rows);
  }
}
