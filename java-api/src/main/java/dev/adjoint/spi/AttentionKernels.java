package dev.adjoint.spi;

import dev.adjoint.DType;
import org.jspecify.annotations.Nullable;

/**
 * Scaled dot-product attention in tiles (Dao et al. 2022), memory linear in the sequence length. q
 * is [B, H, Tq, D], k and v [B, H, Tk, D], any strides as long as the last is 1; one floating type.
 * Causal: query i sees keys j ≤ i + (Tk − Tq); one that sees none gives 0, a logSumExp of −∞ and no
 * gradient. Of 16 bits the weights of the values, and the gradients of the scores, may be rounded
 * too before they are multiplied.
 */
public interface AttentionKernels {
  /** Whether attention takes this floating type. */
  boolean attends(DType floating);

  /** Bytes of scratch of {@link #attention}. */
  long attentionScratchBytes(View q, View k);

  /**
   * {@code out = softmax(scale · q kᵀ + mask) v}.
   *
   * @param out like q
   * @param logSumExp contiguous [B, H, Tq], F32 beside 16 bits, kept for the gradient
   */
  KernelCall attention(
      View q,
      View k,
      View v,
      boolean causal,
      double scale,
      View out,
      View logSumExp,
      Memory scratch);

  /** Bytes of scratch of {@link #attentionGrad}. */
  long attentionGradScratchBytes(View q, View k);

  /** The gradients of {@link #attention}; those that are null are not wanted. */
  KernelCall attentionGrad(
      View grad,
      View q,
      View k,
      View v,
      View out,
      View logSumExp,
      boolean causal,
      double scale,
      @Nullable View gradQ,
      @Nullable View gradK,
      @Nullable View gradV,
      Memory scratch);
}
