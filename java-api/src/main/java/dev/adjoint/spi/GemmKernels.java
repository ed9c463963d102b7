package dev.adjoint.spi;

import dev.adjoint.DType;

/** Matrix products. */
public interface GemmKernels {
  /**
   * Whether all of a product may be of this floating type; {@link Gemm} says which types it mixes.
   */
  boolean multiplies(DType floating);

  /** Bytes of scratch that {@link #gemm} needs for this product; may be 0. */
  long gemmScratchBytes(Gemm spec);

  /** Computes {@code spec}, with {@code scratch} of at least the size asked for. */
  KernelCall gemm(Gemm spec, Memory scratch);
}
