package dev.adjoint.graph;

import dev.adjoint.Tensor;
import org.jspecify.annotations.Nullable;

/** The vector-Jacobian product of one operation, written with tensors. */
@FunctionalInterface
public interface Vjp {
  /**
   * The gradients of the inputs from the gradient of the output. An entry may keep the output's
   * broadcast shape: it is summed to the input's shape afterwards. Null where {@link Saves#needs}
   * is false.
   */
  @Nullable Tensor[] apply(Tensor grad, Saves saves);
}
