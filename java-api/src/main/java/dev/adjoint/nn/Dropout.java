package dev.adjoint.nn;

import dev.adjoint.Tensor;
import dev.adjoint.TensorException;

/**
 * Zeroes elements with probability p while training and scales the others by 1/(1 − p) (Srivastava
 * et al. 2014); passes everything through in evaluation. Draws from the device's default generator.
 */
public final class Dropout extends Layer {
  private final double p;

  /**
   * With a probability.
   *
   * @throws TensorException if p is outside [0, 1)
   */
  public Dropout(double p) {
    if (!(p >= 0 && p < 1)) {
      throw new TensorException("dropout: the probability must lie in [0, 1), got " + p);
    }
    this.p = p;
  }

  @Override
  public Tensor forward(Tensor x) {
    return isTraining() ? x.dropout(p) : x;
  }

  @Override
  protected String describe() {
    return "p=" + p;
  }
}
