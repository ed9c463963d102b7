package dev.adjoint.spi;

import static dev.adjoint.spi.Words.address;
import static dev.adjoint.spi.Words.bit;
import static dev.adjoint.spi.Words.bits;

import dev.adjoint.spi.Symbols.Types;
import org.jspecify.annotations.Nullable;

/**
 * Scaled dot-product attention in tiles (Dao et al. 2022), memory linear in the sequence length. q
 * is [B, H, Tq, D], k and v [B, H, Tk, D], any strides as long as the last is 1; one floating type.
 * Causal: query i sees keys j ≤ i + (Tk − Tq); one that sees none gives 0, a logSumExp of −∞ and no
 * gradient. Of 16 bits the weights of the values, and the gradients of the scores, may be rounded
 * too before they are multiplied.
 */
public sealed interface AttentionKernels extends Kernel {
  @Override
  default long elements() {
    return Long.MAX_VALUE; // the work grows with the square of the length
  }

  /**
   * {@code out = softmax(scale · q kᵀ + mask) v}.
   *
   * @param out like q
   * @param logSumExp contiguous [B, H, Tq], F32 beside 16 bits, kept for the gradient
   */
  record Attention(View q, View k, View v, View out, View logSumExp, boolean causal, double scale)
      implements AttentionKernels {
    /** The names of what says how much scratch it needs. */
    public static final Symbols SCRATCH_BYTES =
        new Symbols("attention_scratch_bytes", Types.COMPUTED);

    /** Its names. */
    public static final Symbols NAMES = new Symbols("attention", Types.COMPUTED, SCRATCH_BYTES, 5);

    @Override
    public Symbol symbol() {
      return NAMES.of(q.dtype());
    }

    @Override
    public long[] words() {
      long[] head = {
        q.address(),
        k.address(),
        v.address(),
        out.address(),
        logSumExp.address(),
        0,
        q.layout().size(0),
        q.layout().size(1),
        q.layout().size(2),
        k.layout().size(2),
        q.layout().size(3),
        bit(causal),
        bits(scale)
      };
      return Words.strides(head, q, k, v, out);
    }
  }

  /** The gradients of {@link Attention}; those that are null are not wanted. */
  record AttentionGrad(
      View grad,
      View q,
      View k,
      View v,
      View out,
      View logSumExp,
      @Nullable View gradQ,
      @Nullable View gradK,
      @Nullable View gradV,
      boolean causal,
      double scale)
      implements AttentionKernels {
    /** The names of what says how much scratch it needs. */
    public static final Symbols SCRATCH_BYTES =
        new Symbols("attention_grad_scratch_bytes", Types.COMPUTED);

    /** Its names. */
    public static final Symbols NAMES =
        new Symbols("attention_grad", Types.COMPUTED, SCRATCH_BYTES, 9);

    @Override
    public Symbol symbol() {
      return NAMES.of(q.dtype());
    }

    @Override
    public long[] words() {
      long[] head = {
        grad.address(),
        q.address(),
        k.address(),
        v.address(),
        out.address(),
        logSumExp.address(),
        address(gradQ),
        address(gradK),
        address(gradV),
        0,
        q.layout().size(0),
        q.layout().size(1),
        q.layout().size(2),
        k.layout().size(2),
        q.layout().size(3),
        bit(causal),
        bits(scale)
      };
      return Words.strides(head, grad, q, k, v, out, gradQ, gradK, gradV);
    }
  }
}
