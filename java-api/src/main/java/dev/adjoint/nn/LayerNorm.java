package dev.adjoint.nn;

import dev.adjoint.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Layer normalisation of the last dimension (Ba, Kiros and Hinton 2016): […, size] → […, size].
 * Parameters: {@code weight} [size], ones at first, and {@code bias} [size], zeros.
 */
public final class LayerNorm extends Layer {
  private final Parameter weight;
  private final @Nullable Parameter bias;
  private final double eps;

  /** With a bias and eps = 10⁻⁵. */
  public LayerNorm(long size) {
    this(size, 1e-5, true);
  }

  /**
   * With or without a bias.
   *
   * @param eps added to the variance
   */
  public LayerNorm(long size, double eps, boolean bias) {
    this.weight = parameter("weight", Init.ones(size));
    this.bias = bias ? parameter("bias", Init.zeros(size)) : null;
    this.eps = eps;
  }

  @Override
  public Tensor forward(Tensor x) {
    return x.layerNorm(weight.get(), bias == null ? null : bias.get(), eps);
  }

  @Override
  protected String describe() {
    return weight.get().size(0) + ", eps=" + eps + ", bias=" + (bias != null);
  }
}
