package dev.adjoint.ops;

import dev.adjoint.spi.Kernel;
import dev.adjoint.spi.NormKernels;
import dev.adjoint.spi.NormKernels.LogSoftmax;
import dev.adjoint.spi.NormKernels.SoftmaxGrad;
import dev.adjoint.spi.NormKernels.LogSoftmaxGrad;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.graph.Graph;
import dev.adjoint.internal.Check;
import dev.adjoint.internal.Dispatch;
import dev.adjoint.internal.Tensors;
import dev.adjoint.spi.Layout;
import dev.adjoint.spi.View;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Softmax and its logarithm. */
public final class Softmax {
  private Softmax() {}

  private enum Kind {
    SOFTMAX("softmax"),
    LOG_SOFTMAX("logSoftmax");

    private final String op;

    Kind(String op) {
      this.op = op;
    }

    Kernel forward(View x, View out) {
      return switch (this) {
        case SOFTMAX -> new NormKernels.Softmax(x, out);
        case LOG_SOFTMAX -> new LogSoftmax(x, out);
      };
    }

    Kernel backward(View grad, View y, View out) {
      return switch (this) {
        case SOFTMAX -> new SoftmaxGrad(grad, y, out);
        case LOG_SOFTMAX -> new LogSoftmaxGrad(grad, y, out);
      };
    }
  }

  /** {@code exp(x) / Σ exp(x)} along a dimension. */
  public static Tensor softmax(Tensor x, int dim) {
    return along(Kind.SOFTMAX, x, dim);
  }

  /** {@code x − log Σ exp(x)} along a dimension, without overflow. */
  public static Tensor logSoftmax(Tensor x, int dim) {
    return along(Kind.LOG_SOFTMAX, x, dim);
  }

  private static Tensor along(Kind kind, Tensor x, int dim) {
    Check.floating(kind.op, x);
    if (Halves.widens(x) || Halves.records(x)) {
      return Halves.widened(wide -> along(kind, wide[0], dim), x);
    }
    if (x.rank() == 0) {
      Check.that(dim == 0 || dim == -1, kind.op, () -> "a scalar has no dimension " + dim);
      return Tensors.tidy(() -> Movement.reshape(lastDim(kind, Movement.reshape(x, 1))));
    }
    int axis = Check.dim(kind.op, dim, x.rank());
    if (axis == x.rank() - 1) {
      return Tensors.tidy(() -> lastDim(kind, x));
    }
    return Tensors.tidy(
        () -> Movement.transpose(lastDim(kind, Movement.transpose(x, axis, -1)), axis, -1));
  }

  private static Tensor lastDim(Kind kind, Tensor x) {
    Tensor dense = Movement.contiguous(x);
    Tensor out = Tensors.emptyLike(dense);
    if (dense.numel() > 0) { // rows without elements may be more than a kernel can count
      Dispatch.run(kind.forward(rows(dense), rows(out)), out, dense);
    }
    return Graph.record(
        kind.op,
        out,
        new Tensor[] {dense},
        new Tensor[] {out},
        (g, saves) -> {
          Tensor y = saves.get(0);
          if (saves.createGraph()) {
            Tensor weight = kind == Kind.SOFTMAX ? y : y.exp();
            return new Tensor[] {
              kind == Kind.SOFTMAX
                  ? y.mul(g.sub(g.mul(y).sum(true, -1)))
                  : g.sub(weight.mul(g.sum(true, -1)))
            };
          }
          Tensor grad = Movement.contiguous(g);
          Tensor result = Tensors.emptyLike(y);
          if (y.numel() > 0) {
            Dispatch.run(kind.backward(rows(grad), rows(y), rows(result)), result, grad, y);
          }
          return new Tensor[] {result};
        });
  }

  /** A tensor that is dense, or {@link #inRows in rows}, seen as [rows, cols]. */
  static View rows(Tensor x) {
    View view = Tensors.view(x);
    return view.with(Objects.requireNonNull(asRows(x)));
  }

  /** […, C] if its rows are dense and equally far apart, else a dense copy. */
  static Tensor inRows(Tensor x) {
    Layout rows = asRows(x);
    boolean fits = rows != null && (rows.stride(1) == 1 || rows.size(1) == 1);
    return fits ? x : Movement.copy(x);
  }

  private static @Nullable Layout asRows(Tensor x) {
    return Tensors.layout(x).reshape(Shape.of(Tensors.rows(x), x.size(-1)));
  }
}
