package dev.adjoint.ops;

import dev.adjoint.Shape;
import dev.adjoint.ShapeMismatchException;
import dev.adjoint.Tensor;
import dev.adjoint.graph.Graph;
import dev.adjoint.internal.Broadcasting;
import dev.adjoint.internal.Check;
import dev.adjoint.internal.Dispatch;
import dev.adjoint.internal.Tensors;
import dev.adjoint.spi.Gemm;
import dev.adjoint.spi.View;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Matrix products. */
public final class MatMul {
  private MatMul() {}

  /**
   * {@code a × b} as PyTorch's matmul: […, M, K] × […, K, N] with broadcast batch dimensions; a
   * vector on the left counts as a row, on the right as a column, and that dimension disappears.
   *
   * @throws ShapeMismatchException if the inner dimensions differ
   */
  public static Tensor matmul(Tensor a, Tensor b) {
    Check.alike("matmul", a, b);
    Check.floating("matmul", a);
    Check.rankAtLeast("matmul", a, 1);
    Check.rankAtLeast("matmul", b, 1);
    if (a.rank() == 1) {
      return Movement.squeeze(matmul(Movement.unsqueeze(a, 0), b), b.rank() == 1 ? 0 : -2);
    }
    if (b.rank() == 1) {
      return Movement.squeeze(matmul(a, Movement.unsqueeze(b, 1)), -1);
    }
    if (a.size(-1) != b.size(-2)) {
      throw mismatch("matmul", a, b);
    }
    if (b.rank() == 2 && a.rank() > 2) {
      // One tall product instead of a batch of small ones with the same right factor.
      long[] sizes = a.shape().toArray();
      sizes[sizes.length - 1] = b.size(1);
      long rows = Arrays.stream(sizes, 0, sizes.length - 1).reduce(1, (x, y) -> x * y);
      return Movement.reshape(product(Movement.reshape(a, rows, a.size(-1)), b, null), sizes);
    }
    return product(a, b, null);
  }

  private static ShapeMismatchException mismatch(String op, Tensor a, Tensor b) {
    String fix =
        a.size(-1) == b.size(-1)
            ? "; the second one transposed would fit"
            : a.size(-2) == b.size(-2) ? "; the first one transposed would fit" : "";
    return new ShapeMismatchException(
        op
            + ": inner dimensions differ: "
            + a.shape()
            + " × "
            + b.shape()
            + " ("
            + a.size(-1)
            + " vs "
            + b.size(-2)
            + ")"
            + fix);
  }

  /**
   * {@code x · weightᵀ + bias}: x is […, in], weight [out, in], bias [out] or null; the result […,
   * out].
   *
   * @throws ShapeMismatchException if they do not fit
   */
  public static Tensor linear(Tensor x, Tensor weight, @Nullable Tensor bias) {
    Check.alike("linear", x, weight);
    Check.floating("linear", x);
    Check.rankAtLeast("linear", x, 1);
    if (weight.rank() != 2 || x.size(-1) != weight.size(1)) {
      throw new ShapeMismatchException(
          "linear: the input "
              + x.shape()
              + " has "
              + x.size(-1)
              + " features, the weight "
              + weight.shape()
              + " is [out, in]"
              + (weight.rank() == 2 && x.size(-1) == weight.size(0)
                  ? "; the weight transposed would fit"
                  : ""));
    }
    if (bias != null) {
      Check.alike("linear", x, bias);
      Check.shape("linear", "the bias", bias.shape(), Shape.of(weight.size(0)));
    }
    long[] sizes = x.shape().toArray();
    sizes[sizes.length - 1] = weight.size(0);
    long rows = Arrays.stream(sizes, 0, sizes.length - 1).reduce(1, (a, b) -> a * b);
    Tensor flat = Movement.reshape(x, rows, x.size(-1));
    return Movement.reshape(product(flat, Movement.transpose(weight, 0, 1), bias), sizes);
  }

  /** […, M, K] × […, K, N] + bias [N], inner dimensions checked, both of rank 2 or more. */
  private static Tensor product(Tensor a, Tensor b, @Nullable Tensor bias) {
    Shape batchA = batch(a);
    Shape batchB = batch(b);
    Shape batch = Broadcasting.shape("matmul", batchA, batchB);
    Tensor out =
        Tensors.empty(append(batch, a.size(-2), b.size(-1)), a.dtype(), Tensors.context(a));
    View va = Tensors.view(a);
    View vb = Tensors.view(b);
    Gemm spec =
        new Gemm(
            va.with(va.layout().expand(append(batch, a.size(-2), a.size(-1)))),
            vb.with(vb.layout().expand(append(batch, b.size(-2), b.size(-1)))),
            Tensors.view(out),
            Tensors.viewOrNull(bias),
            1,
            0);
    var backend = Tensors.backend(a);
    long bytes = backend.gemmScratchBytes(spec);
    Tensor scratch = Tensors.scratch(bytes, Tensors.context(a));
    Dispatch.run(backend.gemm(spec, Tensors.view(scratch).memory()), out, a, b, bias, scratch);
    scratch.close();
    return Graph.record(
        "matmul",
        out,
        new Tensor[] {a, b, bias},
        new Tensor[] {a, b},
        (g, saves) -> {
          Tensor left = saves.get(0);
          Tensor right = saves.get(1);
          return new Tensor[] {
            saves.needs(0) ? product(g, Movement.transpose(right, -1, -2), null) : null,
            saves.needs(1) ? rightGrad(left, g, right) : null,
            saves.needs(2) ? g : null
          };
        });
  }

  /**
   * aᵀ·g. A transposed weight gets its gradient laid out as (gᵀ·a)ᵀ, so that the leaf behind the
   * transposition can take it over without a copy.
   */
  private static Tensor rightGrad(Tensor a, Tensor g, Tensor right) {
    if (a.rank() == 2 && !Tensors.layout(right).isContiguous()) {
      return Movement.transpose(product(Movement.transpose(g, 0, 1), a, null), 0, 1);
    }
    return product(Movement.transpose(a, -1, -2), g, null);
  }

  private static Shape batch(Tensor x) {
    return Shape.of(Arrays.copyOf(x.shape().toArray(), x.rank() - 2));
  }

  private static Shape append(Shape batch, long rows, long cols) {
    long[] sizes = Arrays.copyOf(batch.toArray(), batch.rank() + 2);
    sizes[batch.rank()] = rows;
    sizes[batch.rank() + 1] = cols;
    return Shape.of(sizes);
  }
}
