package dev.adjoint.spi;

import dev.adjoint.Shape;
import java.util.Arrays;

/**
 * The loop nest over views of one shape, as kernels take it: dimensions of size 1 are dropped, and
 * neighbours that every view walks as one are merged, so that dense operands become a single loop.
 */
public final class Iteration {
  private Iteration() {}

  /**
   * Words of which the first {@code head} are 0, then the number of loops (at least one), their
   * sizes, outermost first, and for each view its strides in elements, in the order of the loops.
   *
   * @param layouts all of the shape of the first one
   */
  public static long[] pack(int head, Layout... layouts) {
    if (isDense(layouts)) {
      long[] words = new long[head + 2 + layouts.length];
      words[head] = 1;
      words[head + 1] = layouts[0].numel();
      Arrays.fill(words, head + 2, words.length, 1);
      return words;
    }
    int depth = depth(layouts);
    int sizes = head + 1;
    long[] words = new long[sizes + depth * (1 + layouts.length)];
    words[head] = depth;
    words[sizes] = 1; // for a single element, of which no dimension is left
    Shape shape = layouts[0].shape();
    int loop = -1;
    int previous = -1;
    for (int d = 0; d < shape.rank(); d++) {
      long size = shape.size(d);
      if (size == 1) {
        continue;
      }
      if (merges(layouts, previous, d)) {
        words[sizes + loop] *= size;
      } else {
        words[sizes + ++loop] = size;
      }
      for (int v = 0; v < layouts.length; v++) {
        words[sizes + depth * (1 + v) + loop] = layouts[v].stride(d);
      }
      previous = d;
    }
    return words;
  }

  private static boolean isDense(Layout[] layouts) {
    for (Layout layout : layouts) {
      if (!layout.isContiguous()) {
        return false;
      }
    }
    return true;
  }

  private static int depth(Layout[] layouts) {
    Shape shape = layouts[0].shape();
    int depth = 0;
    int previous = -1;
    for (int d = 0; d < shape.rank(); d++) {
      if (shape.size(d) != 1) {
        depth += merges(layouts, previous, d) ? 0 : 1;
        previous = d;
      }
    }
    return Math.max(depth, 1);
  }

  /** Whether every view walks two neighbours, the outer one -1 for none, as one dimension. */
  private static boolean merges(Layout[] layouts, int outer, int inner) {
    if (outer < 0) {
      return false;
    }
    for (Layout layout : layouts) {
      if (layout.stride(outer) != layout.stride(inner) * layout.size(inner)) {
        return false;
      }
    }
    return true;
  }
}
