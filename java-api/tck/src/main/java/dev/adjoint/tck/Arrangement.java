package dev.adjoint.tck;

import dev.adjoint.Shape;
import dev.adjoint.Tensor;

/** Ways to make a tensor of some shape as a view of another one, through which gradients flow. */
enum Arrangement {
  /** The tensor itself. */
  DENSE,
  /** The dimensions in reverse order. */
  TRANSPOSED,
  /** Every second element of every dimension, after the first. */
  SLICED,
  /** One slice repeated along the first dimension. */
  EXPANDED;

  /** The shape of the tensor that a view of this shape is taken of. */
  Shape base(Shape shape) {
    return switch (this) {
      case DENSE -> shape;
      case TRANSPOSED -> reversed(shape);
      case SLICED -> around(shape);
      case EXPANDED -> oneSlice(shape);
    };
  }

  /** The view of this shape. */
  Tensor view(Tensor base, Shape shape) {
    return switch (this) {
      case DENSE -> base;
      case TRANSPOSED -> base.permute(backwards(shape.rank()));
      case SLICED -> inside(base, shape);
      case EXPANDED -> base.expand(shape.toArray());
    };
  }

  private static int[] backwards(int rank) {
    int[] order = new int[rank];
    for (int d = 0; d < rank; d++) {
      order[d] = rank - 1 - d;
    }
    return order;
  }

  private static Shape reversed(Shape shape) {
    long[] sizes = shape.toArray();
    for (int d = 0; d < sizes.length; d++) {
      sizes[d] = shape.size(sizes.length - 1 - d);
    }
    return Shape.of(sizes);
  }

  private static Shape around(Shape shape) {
    long[] sizes = shape.toArray();
    for (int d = 0; d < sizes.length; d++) {
      sizes[d] = 2 * sizes[d] + 1;
    }
    return Shape.of(sizes);
  }

  private static Tensor inside(Tensor base, Shape shape) {
    Tensor view = base;
    for (int d = 0; d < shape.rank(); d++) {
      view = view.slice(d, 1, 2 * shape.size(d), 2);
    }
    return view;
  }

  private static Shape oneSlice(Shape shape) {
    long[] sizes = shape.toArray();
    if (sizes.length > 0) {
      sizes[0] = 1;
    }
    return Shape.of(sizes);
  }
}
