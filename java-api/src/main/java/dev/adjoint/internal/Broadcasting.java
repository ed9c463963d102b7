package dev.adjoint.internal;

import dev.adjoint.Shape;
import dev.adjoint.ShapeMismatchException;

/** NumPy's and PyTorch's rule: align at the right, a size of 1 repeats. */
public final class Broadcasting {
  private Broadcasting() {}

  /** The common shape of two. */
  public static Shape shape(String op, Shape a, Shape b) {
    if (a.equals(b)) {
      return a;
    }
    int rank = Math.max(a.rank(), b.rank());
    long[] sizes = new long[rank];
    for (int d = rank - 1; d >= 0; d--) {
      int da = d - rank + a.rank();
      int db = d - rank + b.rank();
      long sa = da < 0 ? 1 : a.size(da);
      long sb = db < 0 ? 1 : b.size(db);
      if (sa != sb && sa != 1 && sb != 1) {
        throw new ShapeMismatchException(
            op
                + ": shapes "
                + a
                + " and "
                + b
                + " do not broadcast: dimension "
                + (d - rank)
                + " is "
                + sa
                + " and "
                + sb
                + " (they must be equal, or one of them 1)");
      }
      sizes[d] = sa == 1 ? sb : sa;
    }
    return Shape.of(sizes);
  }

  /** Whether {@code from} may be repeated to become {@code to}. */
  public static boolean fits(Shape from, Shape to) {
    int lead = to.rank() - from.rank();
    if (lead < 0) {
      return false;
    }
    for (int d = 0; d < from.rank(); d++) {
      if (from.size(d) != 1 && from.size(d) != to.size(lead + d)) {
        return false;
      }
    }
    return true;
  }
}
