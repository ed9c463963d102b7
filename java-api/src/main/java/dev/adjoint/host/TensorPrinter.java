package dev.adjoint.host;

import dev.adjoint.internal.Backends;
import dev.adjoint.internal.ThreadState;
import dev.adjoint.DType;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;

/**
 * Text like PyTorch's: four decimals, scientific where the values differ much in size, lines of 80
 * columns, only the edges of what has more than a thousand elements.
 */
public final class TensorPrinter {
  private static final int EDGE = 3;
  private static final int THRESHOLD = 1000;
  private static final int LINE_WIDTH = 80;
  private static final int DECIMALS = 4;
  private static final String PREFIX = "tensor(";

  private final Shape shape;
  private final boolean shorten;
  private final Format format;
  private final Iterator<? extends Number> values;
  private final StringBuilder out = new StringBuilder(PREFIX);

  private TensorPrinter(Tensor tensor) {
    shape = tensor.shape();
    shorten = tensor.numel() > THRESHOLD;
    List<? extends Number> shown = shown(tensor);
    format = Format.of(shown, tensor.dtype());
    values = shown.iterator();
  }

  public static String print(Tensor tensor) {
    if (ThreadState.recorder() != null) {
      return PREFIX + "recording, " + tensor.dtype() + " " + tensor.shape() + ")";
    }
    return new TensorPrinter(tensor).text(suffixes(tensor));
  }

  private static List<String> suffixes(Tensor tensor) {
    List<String> suffixes = new ArrayList<>();
    boolean empty = tensor.numel() == 0;
    if (empty && tensor.rank() != 1) {
      suffixes.add("shape=" + tensor.shape());
    }
    DType dtype = tensor.dtype();
    // As in PyTorch, the values of the types that literals have speak for themselves.
    boolean plain = dtype == DType.F32 || (!empty && (dtype == DType.I64 || dtype == DType.BOOL));
    if (!plain) {
      suffixes.add("dtype=" + dtype);
    }
    if (!tensor.device().equals(Backends.defaultDevice())) {
      suffixes.add("device=" + tensor.device());
    }
    if (tensor.requiresGrad()) {
      suffixes.add(tensor.isLeaf() ? "requiresGrad" : "gradFn=" + tensor.gradFn());
    }
    return suffixes;
  }

  private String text(List<String> suffixes) {
    if (shape.numel() == 0) {
      out.append("[]");
    } else {
      append(0);
    }
    int column = out.length() - out.lastIndexOf("\n");
    for (String suffix : suffixes) {
      boolean fits = column + suffix.length() + 2 <= LINE_WIDTH;
      out.append(fits ? ", " : ",\n" + " ".repeat(PREFIX.length())).append(suffix);
      column = (fits ? column + 2 : PREFIX.length()) + suffix.length();
    }
    return out.append(')').toString();
  }

  private void append(int dim) {
    if (dim == shape.rank()) {
      out.append(format.text(values.next()));
      return;
    }
    boolean innermost = dim == shape.rank() - 1;
    int indent = PREFIX.length() + dim;
    String newLine = "\n".repeat(Math.max(1, shape.rank() - dim - 1)) + " ".repeat(indent + 1);
    int perLine =
        innermost ? Math.max(1, (LINE_WIDTH - indent) / (format.width() + 2)) : Integer.MAX_VALUE;
    long size = shape.size(dim);
    boolean gap = hasGap(size);
    int items = gap ? 2 * EDGE + 1 : Math.toIntExact(size);
    out.append('[');
    for (int i = 0; i < items; i++) {
      if (i > 0) {
        out.append(',').append(innermost && i % perLine != 0 ? " " : newLine);
      }
      if (gap && i == EDGE) {
        out.append(innermost ? " ..." : "...");
      } else {
        append(dim + 1);
      }
    }
    out.append(']');
  }

  private boolean hasGap(long size) {
    return shorten && size > 2 * EDGE;
  }

  /** The values to print, in order. */
  private List<? extends Number> shown(Tensor tensor) {
    List<Number> shown = new ArrayList<>();
    if (!shorten) {
      if (tensor.dtype() == DType.I64) {
        for (long value : tensor.toLongArray()) {
          shown.add(value);
        }
      } else {
        for (double value : tensor.toDoubleArray()) {
          shown.add(value);
        }
      }
      return shown;
    }
    // One by one: what lies between the edges may be gigabytes.
    long[] index = new long[shape.rank()];
    int dim = 0;
    while (dim >= 0) {
      shown.add(HostAccess.number(tensor, index));
      for (dim = index.length - 1; dim >= 0; dim--) {
        long size = shape.size(dim);
        index[dim] = hasGap(size) && index[dim] == EDGE - 1 ? size - EDGE : index[dim] + 1;
        if (index[dim] < size) {
          break;
        }
        index[dim] = 0;
      }
    }
    return shown;
  }

  /** How one element is written, chosen for all of them together. */
  private record Format(DType dtype, boolean whole, boolean scientific, int width) {
    static Format of(List<? extends Number> values, DType dtype) {
      boolean whole = true;
      double largest = 0;
      double smallest = Double.POSITIVE_INFINITY;
      for (Number value : values) {
        double size = Math.abs(value.doubleValue());
        if (size > 0 && Double.isFinite(size)) {
          whole &= size == Math.rint(size);
          largest = Math.max(largest, size);
          smallest = Math.min(smallest, size);
        }
      }
      boolean scientific =
          largest > 0 && (largest / smallest > 1000 || largest > 1e8 || smallest < 1e-4);
      Format narrow = new Format(dtype, whole, scientific, 1);
      int width = 1;
      for (Number value : values) {
        double size = Math.abs(value.doubleValue());
        // Zeros, infinities and NaN do not widen the columns: PyTorch's rule.
        if (!dtype.isFloating() || (size > 0 && Double.isFinite(size))) {
          width = Math.max(width, narrow.text(value).length());
        }
      }
      return new Format(dtype, whole, scientific, width);
    }

    String text(Number value) {
      String text =
          switch (dtype) {
            case BOOL -> value.intValue() != 0 ? "true" : "false";
            case I32, I64 -> Long.toString(value.longValue());
            case F32, F64, F16, BF16 -> text(value.doubleValue());
          };
      return " ".repeat(Math.max(0, width - text.length())) + text;
    }

    private String text(double value) {
      if (Double.isNaN(value)) {
        return "nan";
      }
      String sign = Math.copySign(1, value) < 0 ? "-" : "";
      if (Double.isInfinite(value)) {
        return sign + "inf";
      }
      // Exact and half to even, as C rounds; Java's formatter rounds the shortest decimal half up.
      BigDecimal size = new BigDecimal(Math.abs(value));
      if (scientific) {
        MathContext digits = new MathContext(DECIMALS + 1, RoundingMode.HALF_EVEN);
        return sign + String.format(Locale.ROOT, "%." + DECIMALS + "e", size.round(digits));
      }
      return whole
          ? sign + size.toPlainString() + "."
          : sign + size.setScale(DECIMALS, RoundingMode.HALF_EVEN).toPlainString();
    }
  }
}
