package dev.adjoint.cuda;

import dev.adjoint.Shape;
import dev.adjoint.TensorException;

/** Loops over strided operands, of which a parameter block has room for so many. */
final class Loops {
  /** {@code ADJ_MAX_DEPTH}. */
  static final int MAX_DEPTH = 16;

  private Loops() {}

  /**
   * Refuses more loops than there is room for.
   *
   * @param depth the loops that are left where neighbouring dimensions have been joined
   * @param shape what they go over
   * @throws TensorException naming the kernel and what helps
   */
  static void check(CudaKernel kernel, long depth, Shape shape) {
    if (depth > MAX_DEPTH) {
      throw new TensorException(
          "cuda: "
              + kernel.name()
              + " over "
              + shape
              + ": its operands lie so that "
              + depth
              + " loops are left, of at most "
              + MAX_DEPTH
              + "; make the operands contiguous(), or give them fewer dimensions (reshape) before"
              + " those are permuted or repeated");
    }
  }
}
