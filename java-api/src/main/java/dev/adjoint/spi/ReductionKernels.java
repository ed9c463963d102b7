package dev.adjoint.spi;

import java.util.List;

/** Sums, means, extremes. Float32 sums are accurate to a few ulp whatever the length. */
public interface ReductionKernels {
  /**
   * Reduces {@code x} into {@code out}, which has x's rank and size 1 in every reduced dimension.
   *
   * @param out of x's type; a sum of BF16 may be F32
   */
  KernelCall reduce(ReduceKernel kernel, View x, View out);

  /**
   * Index of the first largest element (the first NaN, if any) of the last dimension; out is I64 of
   * x's shape without it.
   */
  KernelCall argmax(View x, View out);

  /**
   * The sum of the squares of all elements of all {@code xs} (contiguous, F32 or F64), in float64.
   *
   * @param out F64, one element
   */
  KernelCall sumSquares(List<View> xs, View out);
}
