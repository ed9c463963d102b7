package dev.adjoint.spi;

import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** How the parts of argument blocks become 8-byte words. */
final class Words {
  private Words() {}

  static long bits(double value) {
    return Double.doubleToRawLongBits(value);
  }

  static long bit(boolean value) {
    return value ? 1 : 0;
  }

  /** A view's address, NULL for none. */
  static long address(@Nullable View view) {
    return view == null ? 0 : view.address();
  }

  /** The first size of a matrix. */
  static long rows(View matrix) {
    return matrix.layout().size(0);
  }

  /** The second size of a matrix. */
  static long cols(View matrix) {
    return matrix.layout().size(1);
  }

  /** Addresses of views of one shape, then the loops over them. */
  static long[] looped(View x, View out) {
    long[] words = Iteration.pack(2, x.layout(), out.layout());
    words[0] = x.address();
    words[1] = out.address();
    return words;
  }

  /** Addresses of views of one shape, then the loops over them. */
  static long[] looped(View a, View b, View out) {
    long[] words = Iteration.pack(3, a.layout(), b.layout(), out.layout());
    words[0] = a.address();
    words[1] = b.address();
    words[2] = out.address();
    return words;
  }

  /** {@code head}, then the strides of B, H and T of each [B, H, T, D]; zeros for none. */
  static long[] strides(long[] head, @Nullable View... views) {
    int word = head.length;
    long[] words = Arrays.copyOf(head, word + 3 * views.length);
    for (View view : views) {
      for (int d = 0; d < 3; d++) {
        words[word++] = view == null ? 0 : view.layout().stride(d);
      }
    }
    return words;
  }

  /** {@code head}, then all addresses, then all lengths. */
  static long[] columns(long[] head, List<View> views) {
    int word = head.length;
    int count = views.size();
    long[] words = Arrays.copyOf(head, word + 2 * count);
    for (View view : views) {
      words[word] = view.address();
      words[word + count] = view.numel();
      word++;
    }
    return words;
  }

  /**
   * {@code head}, then for each i the addresses of the i-th view of every list, 0 for those of an
   * empty list, and their length.
   */
  @SafeVarargs
  static long[] rows(long[] head, List<View>... lists) {
    int word = head.length;
    int count = lists[0].size();
    long[] words = Arrays.copyOf(head, word + (lists.length + 1) * count);
    for (int i = 0; i < count; i++) {
      for (List<View> list : lists) {
        words[word++] = list.isEmpty() ? 0 : list.get(i).address();
      }
      words[word++] = lists[0].get(i).numel();
    }
    return words;
  }
}
