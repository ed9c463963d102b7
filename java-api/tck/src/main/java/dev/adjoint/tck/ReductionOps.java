package dev.adjoint.tck;

import static dev.adjoint.tck.OpCatalog.CROSSING;
import static dev.adjoint.tck.OpCatalog.EPS;
import static dev.adjoint.tck.OpCatalog.EXACT;
import static dev.adjoint.tck.OpCatalog.SUMS;

import dev.adjoint.DType;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.tck.Op.Input;
import java.util.List;

/** Rows of the {@link OpCatalog}: reductions, softmax, normalisation and losses. */
final class ReductionOps {
  private ReductionOps() {}

  static void addTo(List<Op> rows) {
    reductions(rows);
    normalizations(rows);
    losses(rows);
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
}
