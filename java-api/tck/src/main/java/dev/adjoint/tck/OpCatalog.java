package dev.adjoint.tck;

import dev.adjoint.DType;
import dev.adjoint.Generator;
import dev.adjoint.Precision;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.ops.Attention;
import dev.adjoint.ops.MatMul;
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

  /** In 16 bits, what the activation was applied to is rounded before its derivative sees it. */
  private static final Tolerance ACTIVATED_GRADIENTS = SUMS.roundedInside(4);

  /** In 16 bits, what is kept for backward is rounded, and weights may be. */
  private static final Tolerance ATTENTION = SUMS.roundedInside(2);

  private static final double EPS = 1e-5;
  static final Shape MATRIX = Shape.of(5, 7);

  /** The rows. */
  public static final List<Op> OPS = rows();

  /** Operations whose inputs are of two floating types. */
  static final List<Op> MIXED = mixed();

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
    choices(rows);
    reductions(rows);
    products(rows);
    normalizations(rows);
    losses(rows);
    indexing(rows);
    attention(rows);
    movement(rows);
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

  private static void reductions(List<Op> rows) {
    Input cube = Input.real(Shape.of(4, 5, 6), -3, 3);
    rows.add(Op.of("sum", SUMS, CROSSING, x -> x.getFirst().sum(), cube));
    rows.add(Op.of("sum dim", SUMS, CROSSING, x -> x.getFirst().sum(1), cube));
    rows.add(Op.of("sum dims kept", SUMS, CROSSING, x -> x.getFirst().sum(true, 0, -1), cube));
    rows.add(Op.of("mean", SUMS, CROSSING, x -> x.getFirst().mean(), cube));
    rows.add(Op.of("mean dim", SUMS, CROSSING, x -> x.getFirst().mean(-1), cube));
    rows.add(Op.of("max", EXACT, CROSSING, x -> x.getFirst().max(), cube));
    rows.add(Op.of("max dim", EXACT, CROSSING, x -> x.getFirst().max(1), cube));
    rows.add(Op.of("min dims", EXACT, CROSSING, x -> x.getFirst().min(0, 2), cube));
    rows.add(Op.of("argmax", EXACT, EXACT, x -> x.getFirst().argmax(1), cube).constant());
  }

  private static void products(List<Op> rows) {
    rows.add(product(Shape.of(5, 7), Shape.of(7, 4)));
    rows.add(product(Shape.of(7), Shape.of(7)));
    rows.add(product(Shape.of(5, 7), Shape.of(7)));
    rows.add(product(Shape.of(7), Shape.of(7, 4)));
    rows.add(product(Shape.of(3, 5, 7), Shape.of(3, 7, 4)));
    rows.add(product(Shape.of(2, 3, 5, 7), Shape.of(7, 4)));
    rows.add(product(Shape.of(2, 1, 5, 7), Shape.of(3, 7, 4)));
    Input x = Input.real(Shape.of(2, 5, 7), -1, 1);
    Input weight = Input.real(Shape.of(4, 7), -1, 1);
    rows.add(
        Op.of("linear without bias", SUMS, SUMS, in -> in.get(0).linear(in.get(1), null), x, weight)
            .definedAs(in -> in.get(0).matmul(in.get(1).t())));
    // A matrix of examples, and a single one.
    for (Input in : List.of(x, Input.real(Shape.of(7), -1, 1))) {
      rows.add(activated("relu", MatMul::linearRelu, Tensor::relu, in, weight));
      rows.add(activated("gelu", MatMul::linearGelu, Tensor::gelu, in, weight));
      rows.add(activated("gelu_tanh", MatMul::linearGeluTanh, Tensor::geluTanh, in, weight));
      rows.add(activated("silu", MatMul::linearSilu, Tensor::silu, in, weight));
      rows.add(
          Op.of(
                  "linear",
                  SUMS,
                  SUMS,
                  args -> args.get(0).linear(args.get(1), args.get(2)),
                  in,
                  weight,
                  Input.real(Shape.of(4), -1, 1))
              .definedAs(args -> args.get(0).matmul(args.get(1).t()).add(args.get(2))));
    }
  }

  private static Op activated(
      String name, LinearFunction fused, UnaryOperator<Tensor> activation, Input x, Input weight) {
    return Op.of(
            "linear, then " + name,
            SUMS,
            ACTIVATED_GRADIENTS,
            in -> fused.apply(in.get(0), in.get(1), in.get(2)),
            x,
            weight,
            Input.real(Shape.of(4), -1, 1))
        .definedAs(in -> activation.apply(in.get(0).linear(in.get(1), in.get(2))));
  }

  private interface LinearFunction {
    Tensor apply(Tensor x, Tensor weight, Tensor bias);
  }

  private static Op product(Shape a, Shape b) {
    return Op.of(
        "matmul",
        SUMS,
        SUMS,
        x -> x.get(0).matmul(x.get(1)),
        Input.real(a, -1, 1),
        Input.real(b, -1, 1));
  }

  private static void normalizations(List<Op> rows) {
    Input x = Input.real(Shape.of(3, 4, 9), -3, 3);
    Input weight = Input.real(Shape.of(9), -2, 2);
    rows.add(softmax(-1));
    rows.add(softmax(1));
    rows.add(
        Op.of("log_softmax", SUMS, SUMS, in -> in.getFirst().logSoftmax(-1), x)
            .definedAs(
                in -> {
                  Tensor sum = in.getFirst().exp().sum(true, -1);
                  return in.getFirst().sub(sum.log());
                }));
    rows.add(
        Op.of(
                "layer_norm",
                SUMS,
                SUMS,
                in -> in.get(0).layerNorm(in.get(1), in.get(2), EPS),
                x,
                weight,
                weight)
            .definedAs(in -> layerNorm(in.get(0)).mul(in.get(1)).add(in.get(2))));
    rows.add(
        Op.of(
                "layer_norm without weight",
                SUMS,
                SUMS,
                in -> in.get(0).layerNorm(null, null, EPS),
                x)
            .definedAs(in -> layerNorm(in.get(0))));
    rows.add(
        Op.of("rms_norm of a vector", SUMS, SUMS, in -> in.get(0).rmsNorm(null, EPS), weight)
            .definedAs(in -> normalized(in.get(0))));
    rows.add(Op.of("log_softmax of a vector", SUMS, SUMS, in -> in.get(0).logSoftmax(0), weight));
    rows.add(
        Op.of("rms_norm", SUMS, SUMS, in -> in.get(0).rmsNorm(in.get(1), EPS), x, weight)
            .definedAs(in -> normalized(in.get(0)).mul(in.get(1))));
    rows.add(
        Op.of("rms_norm without weight", SUMS, SUMS, in -> in.get(0).rmsNorm(null, EPS), x)
            .definedAs(in -> normalized(in.get(0))));
  }

  private static Op softmax(int dim) {
    return Op.of(
            "softmax",
            SUMS,
            SUMS,
            x -> x.getFirst().softmax(dim),
            Input.real(Shape.of(3, 4, 9), -3, 3))
        .definedAs(
            x -> {
              Tensor e = x.getFirst().exp();
              return e.div(e.sum(true, dim));
            });
  }

  private static Tensor layerNorm(Tensor x) {
    return normalized(x.sub(x.mean(true, -1)));
  }

  private static Tensor normalized(Tensor x) {
    return x.mul(x.square().mean(true, -1).add(EPS).rsqrt());
  }

  /** BF16 with parameters of F32. */
  private static List<Op> mixed() {
    Input x = Input.real(Shape.of(3, 4, 9), -3, 3).of(DType.BF16);
    Input weight = Input.real(Shape.of(5, 9), -1, 1).of(DType.F32);
    Input bias = Input.real(Shape.of(5), -1, 1).of(DType.F32);
    Input scale = Input.real(Shape.of(9), -2, 2).of(DType.F32);
    Tolerance roundedBias = SUMS.roundedInside(1); // it may be
    return List.of(
        Op.of("linear", roundedBias, SUMS, in -> linear(MatMul::linear, in), x, weight, bias),
        // Four roundings to BF16, in units of F32: what the activation gets is rounded on some.
        Op.of(
            "linear, then gelu_tanh",
            roundedBias,
            Tolerance.units(4 * 0x1p15),
            in -> linear(MatMul::linearGeluTanh, in),
            x,
            weight,
            bias),
        Op.of(
            "layer_norm",
            SUMS,
            SUMS,
            in -> in.get(0).layerNorm(in.get(1), in.get(2), EPS),
            x,
            scale,
            scale),
        Op.of("rms_norm", SUMS, SUMS, in -> in.get(0).rmsNorm(in.get(1), EPS), x, scale));
  }

  private static Tensor linear(LinearFunction function, List<Tensor> in) {
    try (var _ = Precision.BF16.use()) {
      return function.apply(in.get(0), in.get(1), in.get(2));
    }
  }

  private static void losses(List<Op> rows) {
    Input logits = Input.real(Shape.of(6, 5), -3, 3);
    rows.add(
        Op.of(
                "cross_entropy",
                SUMS,
                SUMS,
                x -> x.get(0).crossEntropy(x.get(1)),
                logits,
                Input.index(Shape.of(6), 5))
            .definedAs(
                x -> {
                  Tensor classes = Tensor.arange(5, DType.I64, x.get(0).device());
                  Tensor hit = x.get(1).unsqueeze(1).eq(classes).to(x.get(0).dtype());
                  return x.get(0).logSoftmax(-1).mul(hit).sum().div(-6);
                }));
    rows.add(
        Op.of(
            "cross_entropy",
            SUMS,
            SUMS,
            x -> x.get(0).crossEntropy(x.get(1)),
            Input.real(Shape.of(5), -3, 3),
            Input.index(Shape.scalar(), 5)));
    rows.add(
        Op.of(
            "cross_entropy of dimension 1",
            SUMS,
            SUMS,
            x -> x.get(0).crossEntropy(x.get(1), 1),
            Input.real(Shape.of(2, 5, 3), -3, 3),
            Input.index(Shape.of(2, 3), 5)));
    rows.add(
        Op.of(
                "mse_loss",
                SUMS,
                SUMS,
                x -> x.get(0).mseLoss(x.get(1)),
                logits,
                Input.real(Shape.of(6, 5), -3, 3))
            .definedAs(x -> x.get(0).sub(x.get(1)).square().mean()));
  }

  private static void indexing(List<Op> rows) {
    rows.add(
        Op.of(
            "embedding",
            EXACT,
            SUMS,
            x -> x.get(0).embedding(x.get(1)),
            Input.real(Shape.of(5, 3), -2, 2),
            Input.index(Shape.of(2, 6), 5)));
    rows.add(
        Op.of(
            "embedding",
            EXACT,
            SUMS,
            x -> x.get(0).embedding(x.get(1)),
            Input.real(Shape.of(5, 3), -2, 2),
            Input.index(Shape.scalar(), 5)));
  }

  private static void attention(List<Op> rows) {
    for (boolean causal : new boolean[] {false, true}) {
      for (long queries : new long[] {6, 3, 8}) {
        Shape keys = Shape.of(2, 2, 6, 4);
        rows.add(
            Op.of(
                    causal ? "attention causal" : "attention",
                    ATTENTION,
                    ATTENTION,
                    x -> x.get(0).scaledDotProductAttention(x.get(1), x.get(2), causal),
                    Input.real(Shape.of(2, 2, queries, 4), -1, 1),
                    Input.real(keys, -1, 1),
                    Input.real(keys, -1, 1))
                .definedAs(x -> attention(x.get(0), x.get(1), x.get(2), causal)));
      }
      rows.add(
          Op.of(
                  causal ? "self-attention causal" : "self-attention",
                  ATTENTION,
                  ATTENTION,
                  x -> Attention.selfAttention(x.getFirst(), causal),
                  Input.real(Shape.of(3, 2, 2, 6, 4), -1, 1))
              .definedAs(
                  x -> {
                    Tensor all = x.getFirst();
                    return attention(all.select(0, 0), all.select(0, 1), all.select(0, 2), causal);
                  }));
    }
  }

  private static Tensor attention(Tensor q, Tensor k, Tensor v, boolean causal) {
    Tensor weights = q.matmul(k.t()).div(Math.sqrt((double) q.size(-1))).exp();
    if (causal) {
      Tensor last =
          Tensor.arange(q.size(2), DType.I64, q.device()).add((double) (k.size(2) - q.size(2)));
      Tensor key = Tensor.arange(k.size(2), DType.I64, q.device());
      weights = weights.mul(key.le(last.unsqueeze(1)).to(q.dtype()));
    }
    // A query that sees no key gives 0, not 0/0.
    return weights.matmul(v).div(weights.sum(true, -1).add(1e-30));
  }

  private static void movement(List<Op> rows) {
    Input cube = Input.real(Shape.of(2, 3, 4), -2, 2);
    rows.add(view("reshape", x -> x.reshape(4, -1), cube));
    rows.add(view("transpose", x -> x.transpose(0, 2), cube));
    rows.add(view("permute", x -> x.permute(2, 0, 1), cube));
    rows.add(view("slice", x -> x.slice(2, 1, 4, 2), cube));
    rows.add(view("select", x -> x.select(1, -1), cube));
    rows.add(view("expand", x -> x.unsqueeze(1).expand(2, 5, 3, 4), cube));
    rows.add(view("copy", Tensor::copy, cube));
    rows.add(view("cast there and back", x -> x.to(DType.F64).mul(2).to(x.dtype()), cube));
    rows.add(
        Op.of(
            "cat",
            EXACT,
            CROSSING,
            x -> Tensor.cat(x, 1),
            cube,
            Input.real(Shape.of(2, 1, 4), -2, 2),
            cube));
  }

  private static Op view(String name, UnaryOperator<Tensor> function, Input input) {
    return Op.of(name, EXACT, SUMS, x -> function.apply(x.getFirst()), input);
  }
}
