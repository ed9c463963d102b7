package dev.adjoint.nn;

import dev.adjoint.Scope;
import dev.adjoint.Tensor;

/**
 * A module from one tensor to one tensor: what {@link Sequential} takes. Only {@link #forward} is
 * to be written:
 *
 * <pre>{@code
 * final class Mlp extends Layer {
 *   private final Linear hidden = module("hidden", new Linear(2, 32));
 *   private final Linear output = module("output", new Linear(32, 1));
 *
 *   @Override
 *   public Tensor forward(Tensor x) {
 *     return output.apply(hidden.apply(x).gelu());
 *   }
 * }
 * }</pre>
 *
 * A module that takes or returns anything else extends {@link NeuralModule}.
 */
public abstract class Layer extends NeuralModule {
  /** For subclasses. */
  protected Layer() {}

  /** Computes the result; call {@link #apply} instead, which frees intermediate results early. */
  public abstract Tensor forward(Tensor x);

  /**
   * Runs {@link #forward} in a scope of its own: of the tensors born there only the result stays,
   * and what the graph needs for the gradients.
   */
  public final Tensor apply(Tensor x) {
    return Scope.tidy(() -> forward(x));
  }
}
