package dev.adjoint.spi;

import java.util.List;

/**
 * Optimizer steps over many tensors in one call. All tensors are contiguous and of one type, F32 or
 * F64; lists are parallel. {@code hyper} is F64 [2] = {learning rate, steps done}, read from memory
 * at each run; the kernel adds 1 to the steps when it has finished.
 */
public interface OptimizerKernels {
  /**
   * PyTorch's rule: g += weightDecay·w; buf = momentum·buf + (1 − dampening)·g (buf = g at the
   * first step); g = nesterov ? g + momentum·buf : buf; w −= lr·g.
   *
   * @param buffers momentum buffers, or an empty list if momentum is 0
   */
  KernelCall sgd(
      List<View> params,
      List<View> grads,
      List<View> buffers,
      View hyper,
      double momentum,
      double dampening,
      double weightDecay,
      boolean nesterov);

  /**
   * AdamW (Loshchilov and Hutter 2019): w −= lr·weightDecay·w; m = β₁m + (1 − β₁)g; v = β₂v + (1 −
   * β₂)g²; w −= lr/(1 − β₁ᵗ) · m / (√v/√(1 − β₂ᵗ) + eps), t the steps done, this one included.
   */
  KernelCall adamW(
      List<View> params,
      List<View> grads,
      List<View> firstMoments,
      List<View> secondMoments,
      View hyper,
      double beta1,
      double beta2,
      double eps,
      double weightDecay);

  /** Every x of {@code xs} *= factor, one element of the same type, read from memory. */
  KernelCall scale(List<View> xs, View factor);
}
