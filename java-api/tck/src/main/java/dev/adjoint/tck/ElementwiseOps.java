package dev.adjoint.tck;

import static dev.adjoint.tck.OpCatalog.CROSSING;
import static dev.adjoint.tck.OpCatalog.EXACT;
import static dev.adjoint.tck.OpCatalog.MATRIX;
import static dev.adjoint.tck.OpCatalog.SUMS;
import static dev.adjoint.tck.OpCatalog.ULPS;
import dev.adjoint.Generator;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.tck.Op.Input;
import java.util.List;
import java.util.function.BinaryOperator;
import java.util.function.UnaryOperator;

/** Rows of the {@link OpCatalog}: functions of each element. */
final class ElementwiseOps {
  private ElementwiseOps() {}

  static void addTo(List<Op> rows) {
    unary(rows);
    binary(rows);
    choices(rows);
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
    rows.add(unary("leaky_relu", x -> x.leakyRelu(0.125), -4, 4, EXACT, EXACT));
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

  private static void choices(List<Op> rows) {
    rows.add(
        Op.of(
            "add broadcast",
            EXACT,
            SUMS,
            x -> x.get(0).add(x.get(1)),
            Input.real(Shape.of(4, 1, 3), -2, 2),
            Input.real(Shape.of(5, 1), -2, 2)));
    rows.add(
        Op.of(
            "mul broadcast",
            EXACT,
            SUMS,
            x -> x.get(0).mul(x.get(1)),
            Input.real(Shape.of(4, 5, 3), -2, 2),
            Input.real(Shape.scalar(), -2, 2)));
    rows.add(
        Op.of(
            "where",
            EXACT,
            CROSSING,
            x -> Tensor.where(x.get(0), x.get(1), x.get(2)),
            Input.mask(MATRIX),
            Input.real(MATRIX, -4, 4),
            Input.real(MATRIX, -4, 4)));
    rows.add(unary("clamp", x -> x.clamp(-1.3, 2.1), -4, 4, EXACT, CROSSING));
    rows.add(unary("rsub scalar", x -> x.rsub(1.5), -4, 4, EXACT, CROSSING));
    rows.add(unary("rdiv scalar", x -> x.rdiv(1.5), 0.4, 4, EXACT, CROSSING));
    rows.add(unary("pow scalar", x -> x.pow(2.5), 0.4, 4, ULPS, CROSSING));
    rows.add(unary("mul scalar", x -> x.mul(1.5), -4, 4, EXACT, CROSSING));
    // The same noise each time: it belongs to the generator's seed.
    rows.add(
        unary(
            "dropout",
            x -> {
              try (Generator generator = new Generator(x.device(), 7)) {
                return x.dropout(0.4, generator);
              }
            },
            -4,
            4,
            EXACT,
            CROSSING));
  }
}
