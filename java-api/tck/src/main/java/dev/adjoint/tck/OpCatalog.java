package dev.adjoint.tck;

import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.spi.BinaryKernel;
import dev.adjoint.spi.UnaryKernel;
import dev.adjoint.tck.Op.Input;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BinaryOperator;
import java.util.function.UnaryOperator;

/**
 * Every operation, once: tests of values, gradients, layouts and kernels, and the benchmarks, all
 * draw on this list. A new operation needs one row.
 */
public final class OpCatalog {
  private static final Tolerance EXACT = Tolerance.EXACT;

  /** Functions that do not cross zero where their argument does not. */
  private static final Tolerance ULPS = Tolerance.ulps(4);

  /** Functions and gradients that cross zero. */
  private static final Tolerance CROSSING = Tolerance.ulps(4).orUnits(4);

  /** Results of some dozens of roundings each. */
  private static final Tolerance SUMS = Tolerance.ulps(8).orUnits(32);

  private static final Shape MATRIX = Shape.of(5, 7);

  /** The rows. */
  public static final List<Op> OPS = rows();

  private OpCatalog() {}

  /** What backends promise about a kernel's values. */
  static Tolerance tolerance(UnaryKernel kernel) {
    return find(kernel.symbol()).tolerance();
  }

  /** What backends promise about a kernel's derivative. */
  static Tolerance gradTolerance(UnaryKernel kernel) {
    return find(kernel.symbol()).gradTolerance();
  }

  /** What backends promise about a kernel's values. */
  static Tolerance tolerance(BinaryKernel kernel) {
    return find(kernel.symbol()).tolerance();
  }

  private static Op find(String name) {
    return OPS.stream()
        .filter(op -> op.name().equals(name))
        .findFirst()
        .orElseThrow(() -> new IllegalStateException("OpCatalog has no row for " + name));
  }

  private static List<Op> rows() {
    List<Op> rows = new ArrayList<>();
    unary(rows);
    binary(rows);
    return List.copyOf(rows);
  }

  private static void unary(List<Op> rows) {
    rows.add(unary("neg", Tensor::neg, -4, 4, EXACT, EXACT));
    rows.add(unary("abs", Tensor::abs, -4, 4, EXACT, EXACT));
    rows.add(unary("exp", Tensor::exp, -4, 4, ULPS, CROSSING));
    rows.add(unary("log", Tensor::log, 0.1, 4, CROSSING, CROSSING));
    rows.add(unary("sqrt", Tensor::sqrt, 0.1, 4, EXACT, CROSSING));
    rows.add(unary("rsqrt", Tensor::rsqrt, 0.1, 4, ULPS, CROSSING));
    rows.add(unary("reciprocal", Tensor::reciprocal, 0.3, 4, EXACT, CROSSING));
    rows.add(unary("square", Tensor::square, -4, 4, EXACT, CROSSING));
    rows.add(unary("sin", Tensor::sin, -4, 4, CROSSING, CROSSING));
    rows.add(unary("cos", Tensor::cos, -4, 4, CROSSING, CROSSING));
    rows.add(unary("tanh", Tensor::tanh, -3, 3, ULPS, CROSSING));
    rows.add(unary("sigmoid", Tensor::sigmoid, -6, 6, ULPS, CROSSING));
    rows.add(unary("erf", Tensor::erf, -3, 3, ULPS, CROSSING));
    rows.add(unary("relu", Tensor::relu, -4, 4, EXACT, EXACT));
    rows.add(unary("gelu", Tensor::gelu, -4, 4, CROSSING, CROSSING));
    rows.add(unary("gelu_tanh", Tensor::geluTanh, -4, 4, CROSSING, CROSSING));
    rows.add(unary("silu", Tensor::silu, -6, 6, CROSSING, CROSSING));
  }

  private static Op unary(
      String name,
      UnaryOperator<Tensor> function,
      double low,
      double high,
      Tolerance tolerance,
      Tolerance gradTolerance) {
    return Op.of(
        name,
        tolerance,
        gradTolerance,
        x -> function.apply(x.getFirst()),
        Input.real(MATRIX, low, high));
  }

  private static void binary(List<Op> rows) {
    rows.add(binary("add", Tensor::add, -4, 4, EXACT));
    rows.add(binary("sub", Tensor::sub, -4, 4, EXACT));
    rows.add(binary("mul", Tensor::mul, -4, 4, EXACT));
    rows.add(binary("div", Tensor::div, 0.4, 4, EXACT));
    rows.add(binary("pow", Tensor::pow, 0.4, 3, ULPS));
    rows.add(binary("maximum", Tensor::maximum, -4, 4, EXACT));
    rows.add(binary("minimum", Tensor::minimum, -4, 4, EXACT));
    rows.add(binary("eq", Tensor::eq, -4, 4, EXACT).constant());
    rows.add(binary("ne", Tensor::ne, -4, 4, EXACT).constant());
    rows.add(binary("lt", Tensor::lt, -4, 4, EXACT).constant());
    rows.add(binary("le", Tensor::le, -4, 4, EXACT).constant());
    rows.add(binary("gt", Tensor::gt, -4, 4, EXACT).constant());
    rows.add(binary("ge", Tensor::ge, -4, 4, EXACT).constant());
  }

  private static Op binary(
      String name, BinaryOperator<Tensor> function, double low, double high, Tolerance tolerance) {
    return Op.of(
        name,
        tolerance,
        CROSSING,
        x -> function.apply(x.get(0), x.get(1)),
        Input.real(MATRIX, low, high),
        Input.real(MATRIX, low, high));
  }
}
