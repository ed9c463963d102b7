package dev.adjoint.spi;

/** Matrix products. */
public interface GemmKernels {
  /** Bytes of scratch that {@link #gemm} needs for this product; may be 0. */
  long gemmScratchBytes(Gemm spec);

  /** Computes {@code spec}, with {@code scratch} of at least the size asked for. */
  KernelCall gemm(Gemm spec, Memory scratch);
}
