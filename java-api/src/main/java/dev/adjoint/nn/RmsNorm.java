package dev.adjoint.nn;

import dev.adjoint.Tensor;

/**
 * Root-mean-square normalisation of the last dimension (Zhang and Sennrich 2019): […, size] → […,
 * size]. Parameter: {@code weight} [size], ones at first.
 */
public final class RmsNorm extends Layer {
  private final Parameter weight;
  private final double eps;

  /** With eps = 10⁻⁵. */
  public RmsNorm(long size) {
    this(size, 1e-5);
  }

  /**
   * With another eps.
   *
   * @param eps added to the mean square
   */
  public RmsNorm(long size, double eps) {
    this.weight = parameter("weight", Init.ones(size));
    this.eps = eps;
  }

  @Override
  public Tensor forward(Tensor x) {
    return x.rmsNorm(weight.get(), eps);
  }

  @Override
  protected String describe() {
    return weight.get().size(0) + ", eps=" + eps;
  }
}
