package dev.adjoint.ops;

import dev.adjoint.spi.NormKernels.LayerNorm;
import dev.adjoint.spi.NormKernels.LayerNormGrad;
import dev.adjoint.spi.NormKernels.RmsNorm;
import dev.adjoint.spi.NormKernels.RmsNormGrad;
import dev.adjoint.DType;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.graph.Graph;
import dev.adjoint.graph.Saves;
import dev.adjoint.internal.Check;
import dev.adjoint.internal.Dispatch;
import dev.adjoint.internal.Tensors;
import dev.adjoint.spi.View;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Normalisation over the last dimension. */
public final class Normalization {
  private Normalization() {}

  /**
   * {@code (x − mean) / √(var + eps) · weight + bias} over the last dimension (Ba, Kiros and Hinton
   * 2016); the variance's divisor is the dimension's size.
   *
   * @param x […, C], floating
   * @param weight [C], or null for ones; of x's type, or F32 where that has 16 bits
   * @param bias [C], or null for zeros; as the weight
   */
  public static Tensor layerNorm(
      Tensor x, @Nullable Tensor weight, @Nullable Tensor bias, double eps) {
    return Tensors.tidy(() -> normalize(Kind.LAYER_NORM, x, weight, bias, eps));
  }

  /**
   * {@code x / √(mean(x²) + eps) · weight} over the last dimension (Zhang and Sennrich 2019).
   *
   * @param x […, C], floating
   * @param weight [C], or null for ones; of x's type, or F32 where that has 16 bits
   */
  public static Tensor rmsNorm(Tensor x, @Nullable Tensor weight, double eps) {
    return Tensors.tidy(() -> normalize(Kind.RMS_NORM, x, weight, null, eps));
  }

  private enum Kind {
    LAYER_NORM("layerNorm"),
    RMS_NORM("rmsNorm");

    private final String op;

    Kind(String op) {
      this.op = op;
    }

    /** The definition that the fused kernels are held to; in F64, where squares have room. */
    Tensor composed(Tensor input, @Nullable Tensor weight, @Nullable Tensor bias, double eps) {
      Tensor x = Cast.to(input, DType.F64);
      Tensor centered = this == LAYER_NORM ? x.sub(x.mean(true, -1)) : x;
      Tensor y = centered.mul(centered.square().mean(true, -1).add(eps).rsqrt());
      y = weight == null ? y : y.mul(Cast.to(weight, DType.F64));
      return bias == null ? y : y.add(Cast.to(bias, DType.F64));
    }
  }

  private static Tensor normalize(
      Kind kind, Tensor x, @Nullable Tensor weight, @Nullable Tensor bias, double eps) {
    Check.floating(kind.op, x);
    Check.rankAtLeast(kind.op, x, 1);
    Shape last = Shape.of(x.size(-1));
    for (Tensor parameter : Arrays.asList(weight, bias)) {
      if (parameter != null) {
        Check.sameDevice(kind.op, x, parameter);
        if (parameter.dtype() != x.dtype().widened()) {
          Check.sameDType(kind.op, x, parameter);
        }
        Check.shape(
            kind.op, parameter == weight ? "the weight" : "the bias", parameter.shape(), last);
      }
    }
    if (Halves.widens(x)) {
      return Halves.widened(
          wide -> normalize(kind, wide[0], wide[1], wide[2], eps), x, weight, bias);
    }
    Tensor dense = Movement.contiguous(x);
    Tensor w = weight == null ? null : Movement.contiguous(Halves.wide(weight));
    Tensor b = bias == null ? null : Movement.contiguous(Halves.wide(bias));
    Tensor out = Tensors.emptyLike(dense);
    View rows = Softmax.rows(dense);
    Shape statistic = Shape.of(rows.layout().size(0));
    DType type = x.dtype().widened();
    Tensor rstd = Tensors.empty(statistic, type, Tensors.context(x));
    Tensor mean =
        kind == Kind.LAYER_NORM ? Tensors.empty(statistic, type, Tensors.context(x)) : null;
    View vw = Tensors.viewOrNull(w);
    Dispatch.runAll(
        mean == null
            ? new RmsNorm(rows, vw, Softmax.rows(out), Tensors.view(rstd), eps)
            : new LayerNorm(
                rows,
                vw,
                Tensors.viewOrNull(b),
                Softmax.rows(out),
                Tensors.view(mean),
                Tensors.view(rstd),
                eps),
        Arrays.asList(out, rstd, mean),
        Arrays.asList(dense, w, b));
    if (Graph.records(dense, w, b)) {
      boolean weighted = w != null;
      boolean biased = b != null;
      List<Tensor> saved = new ArrayList<>(List.of(dense, rstd));
      if (mean != null) {
        saved.add(mean);
      }
      if (w != null) {
        saved.add(w);
      }
      if (b != null) {
        saved.add(b);
      }
      Graph.record(
          kind.op,
          out,
          new Tensor[] {dense, w, b},
          saved.toArray(Tensor[]::new),
          (g, saves) -> gradients(kind, g, saves, weighted, biased, eps));
    }
    return out;
  }

  private static @Nullable Tensor[] gradients(
      Kind kind, Tensor g, Saves saves, boolean weighted, boolean biased, double eps) {
    int next = 2;
    Tensor x = saves.get(0);
    Tensor rstd = saves.get(1);
    Tensor mean = kind == Kind.LAYER_NORM ? saves.get(next++) : null;
    Tensor weight = weighted ? saves.get(next++) : null;
    if (saves.createGraph()) {
      return Composed.vjp(
          g,
          new Tensor[] {x, weight, biased ? saves.get(next) : null},
          saves,
          own -> kind.composed(own[0], own[1], own[2], eps));
    }
    Tensor grad = Movement.contiguous(g);
    Tensor gradX = saves.needs(0) ? Tensors.emptyLike(x) : null;
    Tensor gradWeight = weight != null && saves.needs(1) ? Tensors.emptyLike(weight) : null;
    Tensor gradBias =
        biased && saves.needs(2)
            ? Tensors.empty(Shape.of(x.size(-1)), rstd.dtype(), Tensors.context(x))
            : null;
    View rows = Softmax.rows(x);
    View vx = gradX == null ? null : Softmax.rows(gradX);
    View vw = Tensors.viewOrNull(weight);
    View gw = Tensors.viewOrNull(gradWeight);
    Dispatch.runAll(
        mean == null
            ? new RmsNormGrad(Softmax.rows(grad), rows, vw, Tensors.view(rstd), vx, gw)
            : new LayerNormGrad(
                Softmax.rows(grad),
                rows,
                vw,
                Tensors.view(mean),
                Tensors.view(rstd),
                vx,
                gw,
                Tensors.viewOrNull(gradBias)),
        Arrays.asList(gradX, gradWeight, gradBias),
        Arrays.asList(grad, x, weight, mean, rstd));
    return new Tensor[] {gradX, gradWeight, gradBias};
  }
}
