package dev.adjoint.spi;

import dev.adjoint.Shape;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Where each element of a view lies: index (i₀, i₁, …) is at {@code offset + Σ iₖ·strideₖ}, counted
 * in elements. Immutable. A stride of 0 repeats an element (broadcasting).
 */
public final class Layout {
  private final Shape shape;
  private final long[] strides;
  private final long offset;
  private final boolean contiguous;

  private Layout(Shape shape, long[] strides, long offset) {
    this.shape = shape;
    this.strides = strides;
    // Views of nothing may lie behind the end of the memory: they point at its beginning instead.
    this.offset = shape.numel() == 0 ? 0 : offset;
    this.contiguous = isRowMajor(shape, strides);
  }

  /** Row-major, dense, at offset 0. */
  public static Layout contiguous(Shape shape) {
    return new Layout(shape, rowMajor(shape), 0);
  }

  /** The shape of memory for rows of another that begin at multiples of so many elements. */
  public static Shape withGaps(Shape shape, long multiple) {
    long[] sizes = shape.toArray();
    int last = sizes.length - 1;
    sizes[last] = Math.ceilDiv(sizes[last], multiple) * multiple;
    return Shape.of(sizes);
  }

  /** With explicit strides and offset, in elements; the strides are not copied. */
  public static Layout of(Shape shape, long[] strides, long offset) {
    return new Layout(shape, strides, offset);
  }

  private static long[] rowMajor(Shape shape) {
    long[] strides = new long[shape.rank()];
    long step = 1;
    for (int d = strides.length - 1; d >= 0; d--) {
      strides[d] = step;
      step *= Math.max(1, shape.size(d));
    }
    return strides;
  }

  private static boolean isRowMajor(Shape shape, long[] strides) {
    if (shape.numel() == 0) {
      return true;
    }
    long step = 1;
    for (int d = strides.length - 1; d >= 0; d--) {
      long size = shape.size(d);
      if (size != 1 && strides[d] != step) {
        return false;
      }
      step *= size;
    }
    return true;
  }

  /** The sizes. */
  public Shape shape() {
    return shape;
  }

  /** The number of dimensions. */
  public int rank() {
    return strides.length;
  }

  /** The size of dimension {@code d}, 0 ≤ d &lt; rank. */
  public long size(int d) {
    return shape.size(d);
  }

  /** The distance between neighbours along dimension {@code d}, in elements. */
  public long stride(int d) {
    return strides[d];
  }

  /** Where the first element lies, in elements from the beginning of the memory. */
  public long offset() {
    return offset;
  }

  /** The number of elements. */
  public long numel() {
    return shape.numel();
  }

  /** Whether the elements lie in row-major order without gaps (at any offset). */
  public boolean isContiguous() {
    return contiguous;
  }

  /** The element position of a logical (row-major) index. */
  public long position(long logicalIndex) {
    if (contiguous) {
      return offset + logicalIndex;
    }
    long at = offset;
    long rest = logicalIndex;
    for (int d = strides.length - 1; d >= 0; d--) {
      long size = shape.size(d);
      at += rest % size * strides[d];
      rest /= size;
    }
    return at;
  }

  /** The dimensions in another order: dimension {@code i} of the result is {@code order[i]}. */
  public Layout permute(int... order) {
    long[] sizes = new long[order.length];
    long[] steps = new long[order.length];
    for (int i = 0; i < order.length; i++) {
      sizes[i] = shape.size(order[i]);
      steps[i] = strides[order[i]];
    }
    return new Layout(Shape.of(sizes), steps, offset);
  }

  /** Dimensions {@code a} and {@code b} exchanged. */
  public Layout transpose(int a, int b) {
    int[] order = new int[rank()];
    Arrays.setAll(order, i -> i == a ? b : i == b ? a : i);
    return permute(order);
  }

  /**
   * Every {@code step}-th of the indices from {@code start} to before {@code end} of a dimension.
   */
  public Layout slice(int dim, long start, long end, long step) {
    long[] sizes = shape.toArray();
    long[] steps = strides.clone();
    sizes[dim] = end <= start ? 0 : (end - start - 1) / step + 1; // no overflow at any step
    if (sizes[dim] > 1) {
      steps[dim] = strides[dim] * step; // else nothing lies a step away, and it may overflow
    }
    return new Layout(Shape.of(sizes), steps, offset + start * strides[dim]);
  }

  /** Without dimension {@code dim}, at one index of it. */
  public Layout select(int dim, long index) {
    long[] sizes = new long[rank() - 1];
    long[] steps = new long[rank() - 1];
    for (int d = 0, k = 0; d < rank(); d++) {
      if (d != dim) {
        sizes[k] = shape.size(d);
        steps[k++] = strides[d];
      }
    }
    return new Layout(Shape.of(sizes), steps, offset + index * strides[dim]);
  }

  /**
   * Broadcast to a larger shape: new dimensions in front and dimensions of size 1 get stride 0. The
   * caller has checked that it fits.
   */
  public Layout expand(Shape target) {
    long[] steps = new long[target.rank()];
    int lead = target.rank() - rank();
    for (int d = 0; d < rank(); d++) {
      boolean repeat = shape.size(d) == 1 && target.size(lead + d) != 1;
      steps[lead + d] = repeat ? 0 : strides[d];
    }
    return new Layout(target, steps, offset);
  }

  /**
   * The same elements in row-major order under another shape of as many elements, or null if no
   * strides can say that without copying.
   */
  public @Nullable Layout reshape(Shape target) {
    if (contiguous) {
      return new Layout(target, rowMajor(target), offset);
    }
    long[] steps = new long[target.rank()];
    int d = rank() - 1;
    int t = target.rank() - 1;
    while (d >= 0) {
      if (shape.size(d) == 1) {
        d--;
        continue;
      }
      // A run of old dimensions that behaves as one of `size` elements with stride `step`.
      long step = strides[d];
      long size = shape.size(d);
      while (d > 0 && (shape.size(d - 1) == 1 || strides[d - 1] == size * step)) {
        d--;
        size *= shape.size(d);
      }
      d--;
      while (t >= 0 && (size > 1 || target.size(t) == 1)) {
        long part = target.size(t);
        if (part > 1 && size % part != 0) {
          return null;
        }
        steps[t--] = step;
        step *= part;
        size /= part;
      }
      if (size != 1) {
        return null;
      }
    }
    while (t >= 0) {
      steps[t--] = 1;
    }
    return new Layout(target, steps, offset);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Layout layout
        && shape.equals(layout.shape)
        && offset == layout.offset
        && Arrays.equals(strides, layout.strides);
  }

  @Override
  public int hashCode() {
    return 31 * (31 * shape.hashCode() + Arrays.hashCode(strides)) + Long.hashCode(offset);
  }

  @Override
  public String toString() {
    return "Layout[shape="
        + shape
        + ", strides="
        + Arrays.toString(strides)
        + ", offset="
        + offset
        + "]";
  }
}
