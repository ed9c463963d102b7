package dev.adjoint.nn;

import dev.adjoint.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Layer normalisation of the last dimension (Ba, Kiros and Hinton 2016): […, size] → […, size].
 * Parameters: {@code weight} [size], ones at first, and {@code bias} [size], zeros.
 */
public final class LayerNorm extends Module {
  private final Tensor weight;
  private final @Nullable Tensor bias;
  private final double eps;

  /** With a bias and eps = 10⁻⁵; F32 on the default device. */
  public LayerNorm(long size) {
    this(size, 1e-5, true);
  }

  /**
   * F32 on the default device.
   *
   * @param eps added to the variance
   */
  public LayerNorm(long size, double eps, boolean bias) {
    this.weight = parameter("weight", Tensor.ones(size));
    this.bias = bias ? parameter("bias", Tensor.zeros(size)) : null;
    this.eps = eps;
  }

  @Override
  public Tensor forward(Tensor x) {
    return x.layerNorm(weight, bias, eps);
  }

  @Override
  protected String describe() {
    return weight.size(0) + ", eps=" + eps + ", bias=" + (bias != null);
  }
}
