package dev.adjoint.optim;

import dev.adjoint.Tensor;
import java.util.List;
import java.util.OptionalDouble;

/**
 * Parameters that share their settings.
 *
 * @param parameters what is trained
 * @param learningRate where it differs from the optimizer's
 * @param weightDecay where it differs from the optimizer's
 */
public record ParameterGroup(
    List<Tensor> parameters, OptionalDouble learningRate, OptionalDouble weightDecay) {

  /** Copies the list. */
  public ParameterGroup {
    parameters = List.copyOf(parameters);
  }

  /** A group with the optimizer's own settings. */
  public static ParameterGroup of(List<Tensor> parameters) {
    return new ParameterGroup(parameters, OptionalDouble.empty(), OptionalDouble.empty());
  }

  /**
   * The same parameters with a learning rate of their own; schedules keep its proportion to the
   * optimizer's, so that 0 freezes them.
   */
  public ParameterGroup withLearningRate(double value) {
    return new ParameterGroup(parameters, OptionalDouble.of(value), weightDecay);
  }

  /** The same parameters with a weight decay of their own. */
  public ParameterGroup withWeightDecay(double value) {
    return new ParameterGroup(parameters, learningRate, OptionalDouble.of(value));
  }
}
