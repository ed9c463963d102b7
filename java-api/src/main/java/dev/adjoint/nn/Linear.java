package dev.adjoint.nn;

import dev.adjoint.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * {@code y = x · weightᵀ + bias} over the last dimension: […, in] → […, out]. Parameters: {@code
 * weight} [out, in] and {@code bias} [out], both uniform on ±1/√in at first, as in PyTorch.
 */
public final class Linear extends Layer {
  private final Parameter weight;
  private final @Nullable Parameter bias;

  /** With a bias. */
  public Linear(long in, long out) {
    this(in, out, true);
  }

  /** With or without a bias. */
  public Linear(long in, long out, boolean bias) {
    double bound = in == 0 ? 0 : 1 / Math.sqrt((double) in);
    this.weight = parameter("weight", Init.uniform_(Init.zeros(out, in), -bound, bound));
    this.bias = bias ? parameter("bias", Init.uniform_(Init.zeros(out), -bound, bound)) : null;
  }

  /** [out, in]. */
  public Tensor weight() {
    return weight.get();
  }

  /** [out], or null if it has none. */
  public @Nullable Tensor bias() {
    return bias == null ? null : bias.get();
  }

  @Override
  public Tensor forward(Tensor x) {
    return x.linear(weight(), bias());
  }

  @Override
  protected String describe() {
    return "in=" + weight().size(1) + ", out=" + weight().size(0) + ", bias=" + (bias != null);
  }
}
