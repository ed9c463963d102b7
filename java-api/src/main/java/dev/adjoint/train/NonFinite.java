package dev.adjoint.train;

import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import dev.adjoint.data.Batch;
import dev.adjoint.nn.NeuralModule;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a {@link Trainer} does with a step whose loss or gradients are infinite or NaN. Without a
 * check one such step makes all parameters NaN.
 */
public enum NonFinite {
  /** Training ends with an exception before the update; it names the step and the first tensor. */
  STOP,
  /** The step makes no update; it counts as one of the schedule, and training goes on. */
  SKIP,
  /** The update is made all the same. */
  IGNORE;

  /** Names the first tensor that is not finite, in the order in which a step makes them. */
  static TensorException failure(
      long step, Batch batch, NeuralModule model, List<Tensor> trained, double loss, double norm) {
    Map<String, Tensor> named = new LinkedHashMap<>();
    named.put("the inputs", batch.inputs());
    named.put("the targets", batch.targets());
    Map<String, Tensor> parameters = model.namedParameters();
    parameters.forEach((name, parameter) -> named.put("parameter " + name, parameter));
    String first = first(named);
    if (first == null && !Double.isFinite(loss)) {
      first = "the loss";
    }
    if (first == null) {
      named.clear();
      parameters.forEach((name, parameter) -> addGradient(named, name, parameter));
      for (int i = 0; i < trained.size(); i++) {
        addGradient(named, i + " of the optimizer", trained.get(i));
      }
      first = first(named);
    }
    return new TensorException(
        "trainer: step "
            + step
            + ": the loss is "
            + loss
            + ", the norm of the gradients "
            + norm
            + "; nothing was updated. The first that is not finite: "
            + (first == null ? "the norm itself" : first)
            + ". A smaller learning rate or clipping of gradients may help");
  }

  private static void addGradient(Map<String, Tensor> named, String of, Tensor parameter) {
    Tensor gradient = parameter.grad();
    if (gradient != null) {
      named.put("the gradient of parameter " + of, gradient);
    }
  }

  private static @Nullable String first(Map<String, Tensor> named) {
    for (Map.Entry<String, Tensor> entry : named.entrySet()) {
      Tensor tensor = entry.getValue();
      double[] values = tensor.dtype().isFloating() ? tensor.toDoubleArray() : new double[0];
      for (int i = 0; i < values.length; i++) {
        if (!Double.isFinite(values[i])) {
          return entry.getKey() + " " + tensor.shape() + ", " + values[i] + " at element " + i;
        }
      }
    }
    return null;
  }
}
