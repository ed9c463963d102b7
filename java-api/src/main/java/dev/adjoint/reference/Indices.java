package dev.adjoint.reference;

import dev.adjoint.spi.KernelStatusException;
import dev.adjoint.spi.View;

/** Checks of index operands. */
final class Indices {
  private Indices() {}

  /**
   * Throws unless every index is in [0, size).
   *
   * @throws KernelStatusException with status INDEX_OUT_OF_RANGE
   */
  static void check(String kernel, View indices, long size) {
    check(kernel, indices, size, 0);
  }

  /**
   * Throws unless every index is {@code allowed} or in [0, size).
   *
   * @throws KernelStatusException with status INDEX_OUT_OF_RANGE
   */
  static void check(String kernel, View indices, long size, long allowed) {
    Elements elements = Elements.of(indices);
    for (long i = 0; i < indices.numel(); i++) {
      long index = elements.getLong(i);
      if (index != allowed && (index < 0 || index >= size)) {
        throw new KernelStatusException(kernel, KernelStatusException.INDEX_OUT_OF_RANGE);
      }
    }
  }
}
