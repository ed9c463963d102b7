package dev.adjoint.optim;

import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import dev.adjoint.ops.OptimizerSteps;
import java.util.List;

/**
 * Stochastic gradient descent, equal to PyTorch's rule: {@code g += λ·w}; with momentum {@code b =
 * μ·b + (1 − τ)·g} ({@code b = g} in a parameter's first step), and {@code g + μ·b} (Nesterov) or
 * {@code b} takes the place of g; {@code w −= η·g}.
 */
public final class Sgd extends Optimizer {
  private final double momentum;
  private final double dampening;
  private final boolean nesterov;

  /** Plain descent, without momentum and weight decay. */
  public Sgd(List<Tensor> parameters, double learningRate) {
    this(builder(learningRate).group(parameters));
  }

  private Sgd(Builder builder) {
    super(builder, builder.momentum == 0 ? List.of() : List.of("momentum_buffer"));
    this.momentum = builder.momentum;
    this.dampening = builder.dampening;
    this.nesterov = builder.nesterov;
  }

  /** To be completed with at least one group. */
  public static Builder builder(double learningRate) {
    return new Builder(learningRate);
  }

  @Override
  protected void update(
      List<Tensor> parameters,
      List<Tensor> gradients,
      List<List<Tensor>> state,
      Tensor hyper,
      double weightDecay) {
    OptimizerSteps.sgd(
        parameters,
        gradients,
        state.isEmpty() ? List.of() : state.getFirst(),
        hyper,
        new OptimizerSteps.Sgd(momentum, dampening, weightDecay, nesterov));
  }

  /** Settings; those not made are 0 and off. */
  public static final class Builder extends Settings<Builder> {
    private double momentum;
    private double dampening;
    private boolean nesterov;

    private Builder(double learningRate) {
      super(learningRate, 0);
    }

    @Override
    protected Builder self() {
      return this;
    }

    /** μ. */
    public Builder momentum(double value) {
      Optimizer.checkSetting("momentum", value);
      momentum = value;
      return this;
    }

    /** τ. */
    public Builder dampening(double value) {
      if (!Double.isFinite(value)) {
        throw new TensorException("optimizer: the dampening must be finite, got " + value);
      }
      dampening = value;
      return this;
    }

    /** Nesterov's form of momentum. */
    public Builder nesterov(boolean value) {
      nesterov = value;
      return this;
    }

    /**
     * The optimizer.
     *
     * @throws TensorException if the settings contradict each other or there are no parameters
     */
    public Sgd build() {
      if (nesterov && (momentum == 0 || dampening != 0)) {
        throw new TensorException(
            "sgd: Nesterov needs momentum and no dampening, got momentum "
                + momentum
                + " and dampening "
                + dampening);
      }
      return new Sgd(this);
    }
  }
}
