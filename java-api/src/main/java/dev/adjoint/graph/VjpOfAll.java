package dev.adjoint.graph;

import dev.adjoint.Tensor;
import org.jspecify.annotations.Nullable;

/** The vector-Jacobian product of an operation with several results, written with tensors. */
@FunctionalInterface
public interface VjpOfAll {
  /**
   * The gradients of the inputs, as {@link Vjp#apply} gives them.
   *
   * @param grads the gradients of the results; null for one that nothing depends on, whose gradient
   *     is 0
   */
  @Nullable Tensor[] apply(@Nullable Tensor[] grads, Saves saves);
}
