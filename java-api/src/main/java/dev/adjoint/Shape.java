package dev.adjoint;

import java.util.Arrays;

/**
 * The sizes of a tensor's dimensions; immutable. A shape of rank 0 is a scalar with one element.
 */
public final class Shape {
  private static final Shape SCALAR = new Shape(new long[0]);

  private final long[] sizes;
  private final long numel;

  private Shape(long[] sizes) {
    long product = 1;
    for (long size : sizes) {
      if (size < 0) {
        throw new TensorException("shape: sizes must not be negative: " + Arrays.toString(sizes));
      }
      try {
        product = Math.multiplyExact(product, size);
      } catch (ArithmeticException e) {
        throw new TensorException(
            "shape: the number of elements overflows a 64-bit count: " + Arrays.toString(sizes), e);
      }
    }
    this.sizes = sizes;
    this.numel = product;
  }

  /**
   * A shape of the given sizes.
   *
   * @throws TensorException if a size is negative or their product overflows
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
