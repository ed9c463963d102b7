package dev.adjoint.internal;

import dev.adjoint.DType;
import dev.adjoint.DTypeMismatchException;
import dev.adjoint.DeviceMismatchException;
import dev.adjoint.IndexOutOfRangeException;
import dev.adjoint.Shape;
import dev.adjoint.ShapeMismatchException;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import java.util.function.Supplier;

/** Every check of arguments, with every message: {@code op: what, both values, the fix}. */
public final class Check {
  private Check() {}

  public static void floating(String op, Tensor x) {
    if (!x.dtype().isFloating()) {
      throw new DTypeMismatchException(
          op + ": needs a floating type, got " + x.dtype() + "; convert with to(DType.F32)");
    }
  }

  /** F32 or F64, for operations that are not widened from 16 bits. */
  public static void wide(String op, Tensor x) {
    if (!x.dtype().isFloating() || x.dtype().isHalf()) {
      throw new DTypeMismatchException(
          op + ": needs F32 or F64, got " + x.dtype() + "; convert with to(DType.F32)");
    }
  }

  public static void dtype(String op, String what, Tensor x, DType wanted) {
    if (x.dtype() != wanted) {
      throw new DTypeMismatchException(
          op
              + ": "
              + what
              + " must be "
              + wanted
              + ", got "
              + x.dtype()
              + "; convert with to(DType."
              + wanted
              + ")");
    }
  }

  public static void sameDType(String op, Tensor a, Tensor b) {
    if (a.dtype() != b.dtype()) {
      throw new DTypeMismatchException(
          op
              + ": element types differ: "
              + a.dtype()
              + " "
              + a.shape()
              + " and "
              + b.dtype()
              + " "
              + b.shape()
              + "; nothing is promoted silently, convert one with to(DType."
              + a.dtype()
              + ")");
    }
  }

  public static void sameDevice(String op, Tensor a, Tensor b) {
    if (Tensors.context(a) != Tensors.context(b)) {
      throw new DeviceMismatchException(
          op
              + ": tensors on different devices: "
              + a.device()
              + " and "
              + b.device()
              + "; move one with to(Device)");
    }
  }

  /** Same element type and device: what every operation on several tensors asks for. */
  public static void alike(String op, Tensor a, Tensor b) {
    sameDevice(op, a, b);
    sameDType(op, a, b);
  }

  /** A dimension of a shape, negative ones counting from the end, as 0 ≤ d &lt; rank. */
  public static int dim(String op, int dim, int rank) {
    int axis = dim < 0 ? dim + rank : dim;
    if (axis < 0 || axis >= rank) {
      throw new IndexOutOfRangeException(
          op
              + ": dimension "
              + dim
              + " is out of range for a tensor of rank "
              + rank
              + (rank == 0
                  ? " (a scalar has no dimensions)"
                  : " (−" + rank + " … " + (rank - 1) + ")"));
    }
    return axis;
  }

  /** An index into a dimension, negative ones counting from the end. */
  public static long index(String op, long index, long size, int dim) {
    long at = index < 0 ? index + size : index;
    if (at < 0 || at >= size) {
      throw new IndexOutOfRangeException(
          op + ": index " + index + " is out of range for dimension " + dim + " of size " + size);
    }
    return at;
  }

  public static void shape(String op, String what, Shape got, Shape wanted) {
    if (!got.equals(wanted)) {
      throw new ShapeMismatchException(
          op + ": " + what + " has shape " + got + ", needs " + wanted);
    }
  }

  public static void rankAtLeast(String op, Tensor x, int rank) {
    if (x.rank() < rank) {
      throw new ShapeMismatchException(
          op
              + ": needs at least "
              + rank
              + " dimension"
              + (rank == 1 ? "" : "s")
              + ", got shape "
              + x.shape());
    }
  }

  public static void writable(String op, Tensor x) {
    var layout = Tensors.layout(x);
    for (int d = 0; d < layout.rank() && layout.numel() > 0; d++) {
      if (layout.stride(d) == 0 && layout.size(d) > 1) {
        throw new TensorException(
            op
                + ": this tensor "
                + x.shape()
                + " repeats elements along dimension "
                + d
                + " (it was expanded); change a copy()");
      }
    }
  }

  public static void that(boolean condition, String op, String message) {
    if (!condition) {
      throw new TensorException(op + ": " + message);
    }
  }

  /** With a message that is put together only where it is needed. */
  public static void that(boolean condition, String op, Supplier<String> message) {
    if (!condition) {
      throw new TensorException(op + ": " + message.get());
    }
  }

  public static void probability(String op, double p) {
    if (!(p >= 0 && p <= 1)) {
      throw new TensorException(op + ": the probability must lie in [0, 1], got " + p);
    }
  }
}
