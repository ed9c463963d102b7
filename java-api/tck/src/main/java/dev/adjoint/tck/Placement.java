package dev.adjoint.tck;

import dev.adjoint.Shape;
import dev.adjoint.spi.Layout;
import java.util.List;

/** Ways in which the elements of a view may lie in memory. */
public enum Placement {
  /** Row-major, aligned to 64 bytes. */
  DENSE,
  /** Row-major, at an odd offset. */
  SHIFTED,
  /** Column-major. */
  TRANSPOSED,
  /** Dense rows with gaps between them, as a slice of columns has. */
  PITCHED,
  /** Every second element of wider rows. */
  STEPPED,
  /** The first dimension repeats one slice. */
  REPEATED_ROWS,
  /** The last dimension repeats one element. */
  REPEATED_COLS,
  /** One element everywhere. */
  REPEATED;

  /** Those in which every element has a place of its own. */
  public static final List<Placement> DISTINCT =
      List.of(DENSE, SHIFTED, TRANSPOSED, PITCHED, STEPPED);

  /** All. */
  public static final List<Placement> ALL = List.of(values());

  private static final long ALIGNED = 16;
  private static final long ODD = 17;

  /** Another placement with distinct elements; different {@code turn}s give different ones. */
  public Placement distinct(int turn) {
    return DISTINCT.get((ALL.indexOf(this) + turn) % DISTINCT.size());
  }

  /** A layout of this kind, with room for a guard zone before the first element. */
  public Layout of(Shape shape) {
    return switch (this) {
      case DENSE -> Layout.of(shape, rowMajor(shape, 1, 0), ALIGNED);
      case SHIFTED -> Layout.of(shape, rowMajor(shape, 1, 0), ODD);
      case TRANSPOSED -> transposed(shape);
      case PITCHED -> Layout.of(shape, rowMajor(shape, 1, 3), ODD);
      case STEPPED -> Layout.of(shape, rowMajor(shape, 2, 1), ODD);
      case REPEATED_ROWS -> repeated(shape, 0, Math.min(1, shape.rank()));
      case REPEATED_COLS -> repeated(shape, Math.max(0, shape.rank() - 1), shape.rank());
      case REPEATED -> repeated(shape, 0, shape.rank());
    };
  }

  /** Row-major strides, the last one {@code step}, rows {@code gap} elements longer than needed. */
  private static long[] rowMajor(Shape shape, long step, long gap) {
    long[] strides = new long[shape.rank()];
    long next = step;
    for (int d = strides.length - 1; d >= 0; d--) {
      strides[d] = next;
      next *= Math.max(1, shape.size(d));
      next += d == strides.length - 1 ? gap : 0;
    }
    return strides;
  }

  private static Layout transposed(Shape shape) {
    long[] strides = new long[shape.rank()];
    long next = 1;
    for (int d = 0; d < strides.length; d++) {
      strides[d] = next;
      next *= Math.max(1, shape.size(d));
    }
    return Layout.of(shape, strides, ALIGNED);
  }

  /** Row-major over the dimensions outside [from, to), stride 0 inside. */
  private static Layout repeated(Shape shape, int from, int to) {
    long[] strides = new long[shape.rank()];
    long next = 1;
    for (int d = strides.length - 1; d >= 0; d--) {
      boolean repeat = d >= from && d < to;
      strides[d] = repeat ? 0 : next;
      next *= repeat ? 1 : Math.max(1, shape.size(d));
    }
    return Layout.of(shape, strides, ODD);
  }
}
