package dev.adjoint.internal;

import dev.adjoint.DType;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import java.util.Locale;

/** Text like PyTorch's: four decimals, scientific where needed, long dimensions shortened. */
public final class TensorPrinter {
  private static final int EDGE = 3;
  private static final long THRESHOLD = 1000;

  private TensorPrinter() {}

  public static String print(Tensor tensor) {
    StringBuilder suffix = new StringBuilder();
    if (tensor.numel() == 0) {
      suffix.append(", shape=").append(tensor.shape());
    }
    if (tensor.dtype() != DType.F32) {
      suffix.append(", dtype=").append(tensor.dtype());
    }
    if (!tensor.device().equals(Backends.defaultDevice())) {
      suffix.append(", device=").append(tensor.device());
    }
    if (tensor.requiresGrad()) {
      suffix.append(tensor.isLeaf() ? ", requiresGrad" : ", gradFn=" + tensor.gradFn());
    }
    double[] values = tensor.toDoubleArray();
    boolean shorten = tensor.numel() > THRESHOLD;
    Format format = Format.of(values, tensor.shape(), tensor.dtype());
    StringBuilder out = new StringBuilder("tensor(");
    append(out, values, tensor.shape(), 0, 0, format, shorten, "tensor(".length() + 1);
    return out.append(suffix).append(')').toString();
  }

  private static void append(
      StringBuilder out,
      double[] values,
      Shape shape,
      int dim,
      int at,
      Format format,
      boolean shorten,
      int indent) {
    if (dim == shape.rank()) {
      out.append(format.text(values[at]));
      return;
    }
    int size = Math.toIntExact(shape.size(dim));
    int step = 1;
    for (int d = dim + 1; d < shape.rank(); d++) {
      step *= Math.toIntExact(shape.size(d));
    }
    boolean innermost = dim == shape.rank() - 1;
    String separator =
        innermost ? ", " : "," + "\n".repeat(shape.rank() - dim - 1) + " ".repeat(indent);
    out.append('[');
    for (int i = 0; i < size; i++) {
      if (i > 0) {
        out.append(separator);
      }
      if (shorten && size > 2 * EDGE && i == EDGE) {
        out.append("...").append(separator);
        i = size - EDGE;
      }
      append(out, values, shape, dim + 1, at + i * step, format, shorten, indent + 1);
    }
    out.append(']');
  }

  private record Format(DType dtype, boolean whole, boolean scientific, int width) {
    static Format of(double[] values, Shape shape, DType dtype) {
      boolean whole = true;
      double largest = 0;
      double smallest = Double.POSITIVE_INFINITY;
      for (double value : values) {
        if (Double.isFinite(value)) {
          whole &= value == Math.rint(value);
          double size = Math.abs(value);
          largest = Math.max(largest, size);
          smallest = size > 0 ? Math.min(smallest, size) : smallest;
        }
      }
      boolean scientific =
          largest > 0
              && (largest >= 1e8 || (!whole && (smallest < 1e-4 || largest / smallest > 1e5)));
      Format narrow = new Format(dtype, whole, scientific, 0);
      int width = 0;
      int limit = Math.min(values.length, 10_000);
      for (int i = 0; i < limit; i++) {
        width = Math.max(width, narrow.text(values[i]).length());
      }
      return new Format(dtype, whole, scientific, shape.rank() == 0 ? 0 : width);
    }

    String text(double value) {
      String text;
      if (dtype == DType.BOOL) {
        text = value != 0 ? "true" : "false";
      } else if (!dtype.isFloating()) {
        text = Long.toString((long) value);
      } else if (Double.isNaN(value)) {
        text = "nan";
      } else if (Double.isInfinite(value)) {
        text = value > 0 ? "inf" : "-inf";
      } else if (scientific) {
        text = String.format(Locale.ROOT, "%.4e", value);
      } else if (whole) {
        text = String.format(Locale.ROOT, "%.0f.", value);
      } else {
        text = String.format(Locale.ROOT, "%.4f", value);
      }
      return " ".repeat(Math.max(0, width - text.length())) + text;
    }
  }
}
