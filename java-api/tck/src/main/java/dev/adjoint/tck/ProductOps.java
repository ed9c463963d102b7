package dev.adjoint.tck;

import static dev.adjoint.tck.OpCatalog.ACTIVATED_GRADIENTS;
import static dev.adjoint.tck.OpCatalog.ATTENTION;
import static dev.adjoint.tck.OpCatalog.EPS;
import static dev.adjoint.tck.OpCatalog.SUMS;
import dev.adjoint.DType;
import dev.adjoint.Precision;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.ops.Attention;
import dev.adjoint.ops.MatMul;
import dev.adjoint.tck.Op.Input;
import java.util.List;
import java.util.function.UnaryOperator;

/** Rows of the {@link OpCatalog}: matrix products, linear layers and attention. */
final class ProductOps {
  private ProductOps() {}

  static void addTo(List<Op> rows) {
    products(rows);
    attention(rows);
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

  private static Op product(Shape a, Shape b) {
    return Op.of(
        "matmul",
        SUMS,
        SUMS,
        x -> x.get(0).matmul(x.get(1)),
        Input.real(a, -1, 1),
        Input.real(b, -1, 1));
  }

  /** BF16 with parameters of F32. */
  static List<Op> mixed() {
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

  private interface LinearFunction {
    Tensor apply(Tensor x, Tensor weight, Tensor bias);
  }
}
