package dev.adjoint.nn;

import dev.adjoint.Tensor;

/**
 * Two linear layers around an activation: […, channels] → […, hidden] → […, channels]. Named as in
 * GPT-2: {@code c_fc}, {@code c_proj}.
 */
public final class FeedForward extends Layer {
  private final Linear expand;
  private final Layer activation;
  private final Linear project;
  private final Dropout residual;

  /**
   * Around an activation.
   *
   * @param hidden the width between the layers
   * @param dropout the probability for the result
   */
  public FeedForward(long channels, long hidden, Layer activation, double dropout, boolean bias) {
    this.expand = module("c_fc", new Linear(channels, hidden, bias));
    this.activation = module("act", activation);
    this.project = module("c_proj", new Linear(hidden, channels, bias));
    this.residual = module("dropout", new Dropout(dropout));
  }

  @Override
  public Tensor forward(Tensor x) {
    Tensor hidden =
        activation instanceof Activation function
            ? function.apply(expand, x)
            : activation.apply(expand.apply(x));
    return residual.apply(project.apply(hidden));
  }
}
