package dev.adjoint;

import java.util.Arrays;

/**
 * The sizes of a tensor's dimensions, at most 64; immutable. A shape of rank 0 is a scalar with one
 * element.
 *
 * <p>The product of the sizes, those of 0 counted as 1, is at most {@link #MAX_ELEMENTS}. So the
 * products of sizes, of strides and of sizes in bytes that operations compute fit 64 bits, also for
 * views that repeat elements and for empty ones.
 */
public final class Shape {
  /** The most elements that a tensor may have, 2⁵⁶: more than any memory holds. */
  public static final long MAX_ELEMENTS = 1L << 56;

  /** As in PyTorch. Loops, printing and messages grow with it; nothing useful needs more. */
  private static final int MOST_DIMENSIONS = 64;

  private static final Shape SCALAR = new Shape(new long[0]);

  private final long[] sizes;
  private final long numel;

  private Shape(long[] sizes) {
    if (sizes.length > MOST_DIMENSIONS) {
      throw new TensorException(
          "shape: "
              + sizes.length
              + " dimensions are more than the "
              + MOST_DIMENSIONS
              + " that a tensor can have; join some with reshape");
    }
    long product = 1;
    boolean empty = false;
    for (long size : sizes) {
      if (size < 0) {
        throw new TensorException("shape: sizes must not be negative: " + Arrays.toString(sizes));
      }
      empty |= size == 0;
      long factor = Math.max(1, size);
      if (product > MAX_ELEMENTS / factor) {
        throw new TensorException(
            "shape: "
                + Arrays.toString(sizes)
                + " has more than 2^56 elements (sizes of 0 counted as 1), the most that a tensor may have");
      }
      product *= factor;
    }
    this.sizes = sizes;
    this.numel = empty ? 0 : product;
  }

  /**
   * A shape of the given sizes.
   *
   * @throws TensorException if there are more than 64, a size is negative, or their product exceeds
   *     {@link #MAX_ELEMENTS}
   */
  public static Shape of(long... sizes) {
    return sizes.length == 0 ? SCALAR : new Shape(sizes.clone());
  }

  /** The shape of a scalar: no dimensions, one element. */
  public static Shape scalar() {
    return SCALAR;
  }

  /** The number of dimensions. */
  public int rank() {
    return sizes.length;
  }

  /**
   * The size of a dimension; negative ones count from the end.
   *
   * @throws TensorException if there is no such dimension
   */
  public long size(int dim) {
    int axis = dim < 0 ? dim + sizes.length : dim;
    if (axis < 0 || axis >= sizes.length) {
      throw new TensorException(
          "size: dimension " + dim + " is out of range for shape " + this + " of rank " + rank());
    }
    return sizes[axis];
  }

  /** The number of elements: the product of the sizes, 1 for a scalar. */
  public long numel() {
    return numel;
  }

  /** The sizes, as a fresh array. */
  public long[] toArray() {
    return sizes.clone();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Shape shape && Arrays.equals(sizes, shape.sizes);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(sizes);
  }

  /** As PyTorch prints it: {@code [32, 784]}. */
  @Override
  public String toString() {
    return Arrays.toString(sizes);
  }
}
