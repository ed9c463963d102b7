package dev.adjoint.ops;

import dev.adjoint.spi.ElementwiseKernels;
import dev.adjoint.DType;
import dev.adjoint.Tensor;
import dev.adjoint.graph.Graph;
import dev.adjoint.internal.Dispatch;
import dev.adjoint.internal.Tensors;

/** Conversion between element types. */
public final class Cast {
  private Cast() {}

  /**
   * The elements converted to another type ({@code x} itself if it is of that type already),
   * rounded once, to nearest, where they become floating. The gradient is converted back; there is
   * none through a type that is not floating.
   */
  public static Tensor to(Tensor x, DType dtype) {
    DType from = x.dtype();
    if (from == dtype) {
      return x;
    }
    Tensor out = Tensors.empty(x.shape(), dtype, Tensors.context(x));
    Dispatch.run(new ElementwiseKernels.Cast(Tensors.view(x), Tensors.view(out)), out, x);
    if (!dtype.isFloating()) {
      return out;
    }
    return Graph.record(
        "to",
        out,
        new Tensor[] {x},
        Graph.nothing(),
        (grad, saves) -> new Tensor[] {to(grad, from)});
  }
}
