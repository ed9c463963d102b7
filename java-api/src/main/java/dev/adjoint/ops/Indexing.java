package dev.adjoint.ops;

import dev.adjoint.spi.IndexKernels.Gather;
import dev.adjoint.spi.IndexKernels.ScatterAdd;
import dev.adjoint.DType;
import dev.adjoint.IndexOutOfRangeException;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import dev.adjoint.graph.Graph;
import dev.adjoint.internal.Check;
import dev.adjoint.internal.Dispatch;
import dev.adjoint.host.HostAccess;
import dev.adjoint.internal.Tensors;
import dev.adjoint.spi.KernelStatusException;
import java.util.Arrays;
import java.util.function.LongPredicate;

/** Rows of tables by index. */
public final class Indexing {
  private Indexing() {}

  /**
   * {@code out[i…] = table[indices[i…]]}: rows of a table [V, D] by indices of any shape; the
   * result has the indices' shape and D behind it.
   *
   * @param indices I64 or I32
   * @throws IndexOutOfRangeException if an index is outside [0, V)
   */
  public static Tensor embedding(Tensor table, Tensor indices) {
    Check.sameDevice("embedding", table, indices);
    Check.that(
        table.rank() == 2,
        "embedding",
        () -> "the table must be [rows, width], got " + table.shape());
    Check.that(
        indices.dtype() == DType.I64 || indices.dtype() == DType.I32,
        "embedding",
        () -> "indices must be I64 or I32, got " + indices.dtype());
    return Tensors.tidy(() -> rows(table, indices));
  }

  private static Tensor rows(Tensor table, Tensor indices) {
    Tensor dense = Movement.contiguous(table);
    Tensor index = Movement.contiguous(Cast.to(indices, DType.I64));
    long count = index.numel();
    long width = table.size(1);
    Tensor flat = Movement.reshape(index, count);
    Tensor out = Tensors.empty(Shape.of(count, width), table.dtype(), Tensors.context(table));
    try {
      Dispatch.run(
          new Gather(Tensors.view(dense), Tensors.view(flat), Tensors.view(out)), out, dense, flat);
    } catch (KernelStatusException e) {
      long size = table.size(0);
      throw outOfRange("embedding: the index", flat, size, i -> i >= 0 && i < size, e);
    }
    if (table.dtype().isFloating()) {
      Shape shape = dense.shape();
      Graph.record(
          "embedding",
          out,
          new Tensor[] {dense},
          new Tensor[] {flat},
          (g, saves) -> {
            Tensor to = saves.get(0);
            Tensor rows = Movement.contiguous(g);
            boolean added = !g.dtype().isHalf() && saves.addTo(0, sum -> scatterAdd(rows, to, sum));
            return new Tensor[] {added ? null : scattered(rows, to, shape)};
          });
    }
    long[] sizes = Arrays.copyOf(index.shape().toArray(), index.rank() + 1);
    sizes[index.rank()] = width;
    return Movement.reshape(out, sizes);
  }

  /** The adjoint of {@link #embedding}: rows of x [n, D] added into zeros [V, D]. */
  private static Tensor scattered(Tensor x, Tensor indices, Shape shape) {
    if (x.dtype().isHalf()) {
      return Halves.widened(wide -> scattered(wide[0], indices, shape), x);
    }
    Tensor rows = Movement.contiguous(x);
    Tensor out = Factories.full(shape, 0, x.dtype(), x.device());
    scatterAdd(rows, indices, out);
    return Graph.record(
        "scatterAdd",
        out,
        new Tensor[] {rows},
        new Tensor[] {indices},
        (g, saves) -> new Tensor[] {embedding(g, saves.get(0))});
  }

  private static void scatterAdd(Tensor rows, Tensor indices, Tensor out) {
    Dispatch.run(
        new ScatterAdd(Tensors.view(rows), Tensors.view(indices), Tensors.view(out)),
        out,
        rows,
        indices);
  }

  /**
   * Finds the offending index for the message. The kernel has written nothing, unless another
   * thread changed the index meanwhile.
   */
  static TensorException outOfRange(
      String what, Tensor indices, long size, LongPredicate valid, KernelStatusException cause) {
    if (cause.status() != KernelStatusException.INDEX_OUT_OF_RANGE) {
      return cause;
    }
    long[] values = HostAccess.longsOfFailure(indices);
    for (int i = 0; i < values.length; i++) {
      if (!valid.test(values[i])) {
        return new IndexOutOfRangeException(
            what + " at position " + i + " is " + values[i] + ", must be in [0, " + size + ")");
      }
    }
    return new IndexOutOfRangeException(
        what
            + " was not in [0, "
            + size
            + ") when it was read, and is now: another thread changes the indices meanwhile");
  }
}
