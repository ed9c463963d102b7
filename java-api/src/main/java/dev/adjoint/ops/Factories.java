package dev.adjoint.ops;

import dev.adjoint.spi.ElementwiseKernels.Fill;
import dev.adjoint.DType;
import dev.adjoint.Device;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.internal.Check;
import dev.adjoint.internal.Dispatch;
import dev.adjoint.internal.Tensors;

/** Tensors from nothing. */
public final class Factories {
  private Factories() {}

  /** Every element {@code value}, rounded to {@code dtype}. */
  public static Tensor full(Shape shape, double value, DType dtype, Device device) {
    Tensor out = Tensors.empty(shape, dtype, device);
    Dispatch.run(new Fill(Tensors.view(out), value), out);
    return out;
  }

  /**
   * 0, 1, …, n − 1. Each half is made of the one before it, on the device: nothing comes from
   * Java's memory, so a step that is being recorded can do it too.
   */
  public static Tensor arange(long n, DType dtype, Device device) {
    Check.that(n >= 0, "arange", () -> "the length must not be negative, got " + n);
    return Tensors.tidy(
        () -> {
          Tensor out = full(Shape.of(n), 0, DType.I64, device);
          for (long done = 1; done < n; done *= 2) {
            long more = Math.min(done, n - done);
            out.slice(0, done, done + more).copy_(out.slice(0, 0, more).add((double) done));
          }
          return out.to(dtype);
        });
  }
}
