package dev.adjoint.reference;

import dev.adjoint.spi.KernelStatusException;
import dev.adjoint.spi.View;
import java.util.function.LongPredicate;

/**
 * An index operand: all indices are checked before a kernel writes, and each one again when it is
 * read, because another thread may have changed it.
 */
final class Indices {
  private final String kernel;
  private final Elements elements;
  private final long count;
  private final LongPredicate valid;

  private Indices(String kernel, View indices, LongPredicate valid) {
    this.kernel = kernel;
    this.elements = Elements.of(indices);
    this.count = indices.numel();
    this.valid = valid;
  }

  /** Indices that must be in [0, size). */
  static Indices below(long size, String kernel, View indices) {
    return new Indices(kernel, indices, index -> index >= 0 && index < size);
  }

  /** Indices that must be in [0, size) or {@code ignored}. */
  static Indices below(long size, long ignored, String kernel, View indices) {
    return new Indices(kernel, indices, index -> (index >= 0 && index < size) || index == ignored);
  }

  long count() {
    return count;
  }

  /**
   * Throws unless every index is valid.
   *
   * @throws KernelStatusException with status INDEX_OUT_OF_RANGE
   */
  void check() {
    for (long i = 0; i < count; i++) {
      get(i);
    }
  }

  /**
   * An index, read once.
   *
   * @throws KernelStatusException with status INDEX_OUT_OF_RANGE if it is not valid
   */
  long get(long i) {
    long index = elements.getLong(i);
    if (!valid.test(index)) {
      throw new KernelStatusException(kernel, KernelStatusException.INDEX_OUT_OF_RANGE);
    }
    return index;
  }
}
