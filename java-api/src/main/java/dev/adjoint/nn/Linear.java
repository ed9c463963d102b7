package dev.adjoint.nn;

import dev.adjoint.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * {@code y = x · weightᵀ + bias} over the last dimension: […, in] → […, out]. Parameters: {@code
 * weight} [out, in] and {@code bias} [out], both uniform on ±1/√in at first, as in PyTorch.
 */
public final class Linear extends Module {
  private final Tensor weight;
  private final @Nullable Tensor bias;

  /** With a bias; F32 on the default device. */
  public Linear(long in, long out) {
    this(in, out, true);
  }

  /** With or without a bias; F32 on the default device. */
  public Linear(long in, long out, boolean bias) {
    double bound = in == 0 ? 0 : 1 / Math.sqrt((double) in);
    this.weight = parameter("weight", Init.uniform_(Tensor.zeros(out, in), -bound, bound));
    this.bias = bias ? parameter("bias", Init.uniform_(Tensor.zeros(out), -bound, bound)) : null;
  }

  /** [out, in]. */
  public Tensor weight() {
    return weight;
  }

  /** [out], or null if it has none. */
  public @Nullable Tensor bias() {
    return bias;
  }

  @Override
  public Tensor forward(Tensor x) {
    return x.linear(weight, bias);
  }

  @Override
  protected String describe() {
    return "in=" + weight.size(1) + ", out=" + weight.size(0) + ", bias=" + (bias != null);
  }
}
