package dev.adjoint;

import dev.adjoint.internal.Setting;
import dev.adjoint.internal.ThreadState;

/**
 * How exactly {@code matmul} and {@code linear} read the factors of F32 products: a setting of the
 * current thread, {@link #F32} at first.
 *
 * <pre>{@code
 * Tensor loss;
 * try (var _ = Precision.BF16.use()) {
 *   loss = model.forward(x).crossEntropy(y);
 * }
 * loss.backward(); // each product has the precision of its forward
 * }</pre>
 *
 * <p>F32 tensors stay F32: weights, activations, gradients. That is the difference to PyTorch's
 * autocast, which makes bfloat16 tensors. They are a choice of their own: under {@link #BF16},
 * {@link Tensor#linear} also takes BF16 inputs with F32 weights, so that a model may cast once,
 * after its embedding, and keep its activations in BF16. Products of F64 are not affected, nor is
 * attention on F32, whose products are a few per cent of a transformer's work.
 */
public enum Precision {
  /** As they are. */
  F32,
  /**
   * May be rounded to TensorFloat-32 (to nearest, 11 bits of precision) where that is faster: by
   * the tensor cores of NVIDIA GPUs. Elsewhere the same as {@link #F32}. Products and sums are F32.
   */
  TF32,
  /**
   * Rounded to bfloat16 (to nearest even, 8 bits of precision). Products and sums are F32, and so
   * is the result of F32 factors. AMD's CPUs with AVX512_BF16 multiply twice as fast, GPUs many
   * times; on other CPUs it saves nothing.
   */
  BF16;

  /** Restores the setting when closed. */
  public static final class Guard implements AutoCloseable {
    private final Setting.Guard change;

    private Guard(Setting.Guard change) {
      this.change = change;
    }

    /**
     * Restores the precision that was in force before. Closing twice does nothing.
     *
     * @throws TensorException from another thread, which changes nothing; and if an inner guard was
     *     still open, after closing that one too
     */
    @Override
    public void close() {
      change.close();
    }
  }

  /** In force until the guard is closed: {@code try (var _ = Precision.BF16.use()) { … }}. */
  public Guard use() {
    return new Guard(ThreadState.precision(this));
  }

  /** What is in force. */
  public static Precision current() {
    return ThreadState.precision();
  }
}
