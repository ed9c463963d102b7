package dev.adjoint.optim;

import dev.adjoint.Adjoint;
import dev.adjoint.DType;
import dev.adjoint.Scope;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import dev.adjoint.autograd.GradMode;
import dev.adjoint.ops.OptimizerSteps;
import java.util.List;
import java.util.Objects;

/** Limits on gradients, between the backward pass and the optimizer's step. */
public final class GradientClipping {
  private GradientClipping() {}

  /**
   * Scales all gradients so that the Euclidean norm of them together is at most {@code maxNorm}.
   * Everything stays on the device: nothing waits for the value, and it can be captured. As in
   * PyTorch, gradients become NaN if the norm is.
   *
   * @param parameters those without a gradient do not count
   * @param maxNorm positive; infinity only measures
   * @return the norm before scaling: F64, a scalar, 0 if there are no gradients
   */
  public static Tensor clipByNorm(List<Tensor> parameters, double maxNorm) {
    checkNorm(maxNorm);
    Tensor norm = norm(parameters);
    clip(parameters, norm, maxNorm);
    return norm;
  }

  /**
   * The Euclidean norm of all gradients together: F64, a scalar, 0 if there are no gradients.
   *
   * @param parameters those without a gradient do not count
   */
  public static Tensor norm(List<Tensor> parameters) {
    List<Tensor> gradients = gradients(parameters);
    if (gradients.isEmpty()) {
      return Tensor.full(Shape.scalar(), 0, DType.F64, Adjoint.defaultDevice());
    }
    try (var _ = GradMode.off()) {
      return Scope.tidy(() -> OptimizerSteps.norm(gradients));
    }
  }

  /**
   * The second half of {@link #clipByNorm}, for those who look at the norm in between.
   *
   * @param norm what {@link #norm} gave for the same parameters
   * @param maxNorm positive; infinity changes nothing
   */
  public static void clip(List<Tensor> parameters, Tensor norm, double maxNorm) {
    checkNorm(maxNorm);
    List<Tensor> gradients = gradients(parameters);
    if (gradients.isEmpty() || maxNorm == Double.POSITIVE_INFINITY) {
      return;
    }
    try (var _ = GradMode.off();
        var _ = Scope.open()) {
      DType dtype = gradients.getFirst().dtype();
      OptimizerSteps.scale(gradients, norm.add(1e-6).rdiv(maxNorm).clamp(0, 1).to(dtype));
    }
  }

  private static void checkNorm(double maxNorm) {
    if (!(maxNorm > 0)) {
      throw new TensorException("clipByNorm: the norm must be positive, got " + maxNorm);
    }
  }

  /** Limits each value of each gradient to [−limit, limit]. */
  public static void clipByValue(List<Tensor> parameters, double limit) {
    if (!(limit >= 0)) {
      throw new TensorException("clipByValue: the limit must not be negative, got " + limit);
    }
    try (var _ = GradMode.off();
        var _ = Scope.open()) {
      gradients(parameters).forEach(gradient -> gradient.copy_(gradient.clamp(-limit, limit)));
    }
  }

  private static List<Tensor> gradients(List<Tensor> parameters) {
    return parameters.stream().map(Tensor::grad).filter(Objects::nonNull).toList();
  }
}
