package dev.adjoint.ops;

import dev.adjoint.spi.ReductionKernels.Reduce;
import dev.adjoint.spi.ReductionKernels.Argmax;
import dev.adjoint.DType;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import dev.adjoint.graph.Graph;
import dev.adjoint.internal.Check;
import dev.adjoint.internal.Dispatch;
import dev.adjoint.internal.Tensors;
import dev.adjoint.spi.Layout;
import dev.adjoint.spi.Reduction;
import dev.adjoint.spi.View;
import java.util.Arrays;

/** Sums, means and extremes over any dimensions. */
public final class Reductions {
  private Reductions() {}

  /**
   * Reduces some dimensions, or all if none is named. Floating types; sum, max and min of I64 too.
   *
   * @param keepDims whether reduced dimensions stay, with size 1
   * @throws TensorException for max and min of nothing
   */
  public static Tensor reduce(Reduction function, Tensor x, boolean keepDims, int... dims) {
    boolean integers = x.dtype() == DType.I64 && function != Reduction.MEAN;
    if (!integers) {
      Check.floating(function.symbol(), x);
    }
    if (Halves.widens(x) || (Halves.records(x) && isExtreme(function))) {
      return Halves.widened(wide -> reduce(function, wide[0], keepDims, dims), x);
    }
    return reduce(function, x, x.dtype(), keepDims, dims);
  }

  /** The sum over some dimensions, of BF16 on a backend that computes it, unrounded: in F32. */
  static Tensor sumInF32(Tensor x, int... dims) {
    return reduce(Reduction.SUM, x, DType.F32, false, dims);
  }

  private static boolean isExtreme(Reduction function) {
    return function == Reduction.MAX || function == Reduction.MIN;
  }

  private static Tensor reduce(
      Reduction function, Tensor x, DType type, boolean keepDims, int... dims) {
    String op = function.symbol();
    boolean[] reduced = reducedDims(op, x, dims);
    long[] sizes = x.shape().toArray();
    long count = 1;
    for (int d = 0; d < sizes.length; d++) {
      if (reduced[d]) {
        count *= sizes[d];
        sizes[d] = 1;
      }
    }
    Shape kept = Shape.of(sizes);
    Check.that(
        !isExtreme(function) || count > 0 || kept.numel() == 0,
        op,
        () -> "there is no extreme of no elements: " + x.shape());
    Tensor out =
        Tensors.empty(
            keepDims ? kept : Shape.of(dropped(sizes, reduced)), type, Tensors.context(x));
    View result = Tensors.view(out).with(Layout.contiguous(kept));
    Dispatch.run(Reduce.of(function, Tensors.view(x), result), out, x);
    if (Graph.records(x)) {
      record(function, x, out, kept, count);
    }
    return out;
  }

  private static void record(Reduction function, Tensor x, Tensor out, Shape kept, long count) {
    Shape shape = x.shape();
    DType type = x.dtype();
    Graph.record(
        function.symbol(),
        out,
        new Tensor[] {x},
        isExtreme(function) ? new Tensor[] {x, out} : Graph.nothing(),
        (grad, saves) -> {
          Tensor g = withShape(Cast.to(grad, type), kept);
          return new Tensor[] {
            switch (function) {
              case SUM -> Movement.expand(g, shape);
              case MEAN -> Movement.expand(g.div((double) count), shape);
              case MAX, MIN -> {
                // Equal extremes share the gradient, as PyTorch's amax does, and so do NaNs.
                Tensor in = saves.get(0);
                Tensor nan = in.ne(in);
                Tensor hit = Tensor.where(nan, nan, in.eq(withShape(saves.get(1), kept)));
                int[] over = differing(shape, kept);
                Tensor share =
                    over.length == 0
                        ? g
                        : g.div(reduce(Reduction.SUM, hit.to(g.dtype()), true, over));
                Tensor zero = Tensor.full(Shape.scalar(), 0, g.dtype(), g.device());
                yield Tensor.where(hit, share, zero);
              }
            }
          };
        });
  }

  private static Tensor withShape(Tensor x, Shape shape) {
    return x.shape().equals(shape) ? x : Movement.reshape(x, shape.toArray());
  }

  private static int[] differing(Shape full, Shape kept) {
    int[] dims = new int[full.rank()];
    int n = 0;
    for (int d = 0; d < full.rank(); d++) {
      if (full.size(d) != kept.size(d)) {
        dims[n++] = d;
      }
    }
    return Arrays.copyOf(dims, n);
  }

  private static boolean[] reducedDims(String op, Tensor x, int[] dims) {
    boolean[] reduced = new boolean[x.rank()];
    if (dims.length == 0) {
      Arrays.fill(reduced, true);
    }
    for (int dim : dims) {
      int axis = Check.dim(op, dim, x.rank());
      Check.that(!reduced[axis], op, () -> "dimension " + dim + " is named twice");
      reduced[axis] = true;
    }
    return reduced;
  }

  private static long[] dropped(long[] kept, boolean[] reduced) {
    long[] sizes = new long[kept.length];
    int n = 0;
    for (int d = 0; d < kept.length; d++) {
      if (!reduced[d]) {
        sizes[n++] = kept[d];
      }
    }
    return Arrays.copyOf(sizes, n);
  }

  /** Index of the first largest element along a dimension, which disappears; I64. */
  public static Tensor argmax(Tensor x, int dim) {
    if (Halves.widens(x)) {
      return Halves.widened(wide -> argmax(wide[0], dim), x);
    }
    int axis = Check.dim("argmax", dim, x.rank());
    if (x.dtype() != DType.I64) {
      Check.floating("argmax", x);
    }
    Check.that(
        x.size(axis) > 0,
        "argmax",
        () -> "dimension " + dim + " of " + x.shape() + " has no elements");
    int[] axisLast = new int[x.rank()];
    long[] sizes = new long[x.rank() - 1];
    for (int d = 0, k = 0; d < x.rank(); d++) {
      if (d != axis) {
        sizes[k] = x.size(d);
        axisLast[k++] = d;
      }
    }
    axisLast[x.rank() - 1] = axis;
    View view = Tensors.view(x);
    Tensor out = Tensors.empty(Shape.of(sizes), DType.I64, Tensors.context(x));
    Dispatch.run(new Argmax(view.with(view.layout().permute(axisLast)), Tensors.view(out)), out, x);
    return out;
  }
}
