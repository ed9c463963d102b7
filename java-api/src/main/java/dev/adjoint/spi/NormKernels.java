package dev.adjoint.spi;

import org.jspecify.annotations.Nullable;

/**
 * Softmax and normalisation over rows: every matrix here is contiguous [rows, cols], every
 * statistic contiguous [rows], every weight contiguous [cols]. All matrices are of one floating
 * type, all else of the same, of F32 beside BF16.
 */
public interface NormKernels {
  /** {@code out[r] = softmax(x[r])}. */
  KernelCall softmax(View x, View out);

  /** {@code out = y ⊙ (grad − Σ grad ⊙ y)}, y the softmax; F32 or F64. */
  KernelCall softmaxGrad(View grad, View y, View out);

  /** {@code out[r] = x[r] − log Σ exp x[r]}. */
  KernelCall logSoftmax(View x, View out);

  /** {@code out = grad − exp(y) · Σ grad}, y the log-softmax; F32 or F64. */
  KernelCall logSoftmaxGrad(View grad, View y, View out);

  /**
   * {@code out = (x − mean) · rstd · weight + bias} (Ba et al. 2016), variance over cols with
   * divisor cols; keeps mean and rstd = 1/√(var + eps).
   */
  KernelCall layerNorm(
      View x,
      @Nullable View weight,
      @Nullable View bias,
      double eps,
      View out,
      View mean,
      View rstd);

  /** Bytes of scratch of {@link #layerNormGrad} and {@link #rmsNormGrad}. */
  long normGradScratchBytes(View x);

  /** The gradients of {@link #layerNorm}; those that are null are not wanted. */
  KernelCall layerNormGrad(
      View grad,
      View x,
      @Nullable View weight,
      View mean,
      View rstd,
      @Nullable View gradX,
      @Nullable View gradWeight,
      @Nullable View gradBias,
      Memory scratch);

  /** {@code out = x · rstd · weight} with rstd = 1/√(mean(x²) + eps) (Zhang and Sennrich 2019). */
  KernelCall rmsNorm(View x, @Nullable View weight, double eps, View out, View rstd);

  /** The gradients of {@link #rmsNorm}; those that are null are not wanted. */
  KernelCall rmsNormGrad(
      View grad,
      View x,
      @Nullable View weight,
      View rstd,
      @Nullable View gradX,
      @Nullable View gradWeight,
      Memory scratch);
}
