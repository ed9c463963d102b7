package dev.adjoint.ops;

import dev.adjoint.DType;
import dev.adjoint.Device;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.internal.Dispatch;
import dev.adjoint.internal.Recorder;
import dev.adjoint.internal.Tensors;
import java.lang.foreign.MemorySegment;

/** Tensors from nothing and from Java's memory. */
public final class Factories {
  private Factories() {}

  /** Every element {@code value}, rounded to {@code dtype}. */
  public static Tensor full(Shape shape, double value, DType dtype, Device device) {
    Tensor out = Tensors.empty(shape, dtype, device);
    Dispatch.run(Tensors.backend(out).fill(Tensors.view(out), value), out);
    return out;
  }

  /** A copy of row-major elements in Java's memory. */
  public static Tensor of(MemorySegment elements, Shape shape, DType dtype, Device device) {
    Recorder.forbid("Tensor.of");
    Tensor out = Tensors.empty(shape, dtype, device);
    Tensors.backend(out).upload(elements, Tensors.view(out));
    return out;
  }
}
