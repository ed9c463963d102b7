package dev.adjoint.optim;

import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import dev.adjoint.ops.OptimizerSteps;
import java.util.List;

/** Adam with decoupled weight decay (Loshchilov and Hutter 2019), equal to PyTorch's rule. */
public final class AdamW extends Optimizer {
  private final double beta1;
  private final double beta2;
  private final double eps;

  /** With PyTorch's settings: β = (0.9, 0.999), ε = 10⁻⁸, weight decay 0.01. */
  public AdamW(List<Tensor> parameters, double learningRate) {
    this(builder(learningRate).group(parameters));
  }

  private AdamW(Builder builder) {
    super(builder, List.of("exp_avg", "exp_avg_sq"));
    this.beta1 = builder.beta1;
    this.beta2 = builder.beta2;
    this.eps = builder.eps;
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
    OptimizerSteps.adamW(
        parameters,
        gradients,
        state.get(0),
        state.get(1),
        hyper,
        new OptimizerSteps.AdamW(beta1, beta2, eps, weightDecay));
  }

  /** Settings; those not made are PyTorch's. */
  public static final class Builder extends Settings<Builder> {
    private double beta1 = 0.9;
    private double beta2 = 0.999;
    private double eps = 1e-8;

    private Builder(double learningRate) {
      super(learningRate, 0.01);
    }

    @Override
    protected Builder self() {
      return this;
    }

    /**
     * How much of the averages of the gradient and of its square each step keeps.
     *
     * @throws TensorException if one is outside [0, 1)
     */
    public Builder betas(double first, double second) {
      if (!(first >= 0 && first < 1 && second >= 0 && second < 1)) {
        throw new TensorException(
            "adamW: betas must lie in [0, 1), got " + first + " and " + second);
      }
      beta1 = first;
      beta2 = second;
      return this;
    }

    /** Added to the denominator. */
    public Builder eps(double value) {
      Optimizer.checkSetting("eps", value);
      eps = value;
      return this;
    }

    /**
     * The optimizer.
     *
     * @throws TensorException if there are no parameters or a setting is negative or not finite
     */
    public AdamW build() {
      return new AdamW(this);
    }
  }
}
