package dev.adjoint.data;

import dev.adjoint.Scope;
import dev.adjoint.Tensor;

/**
 * What a model sees in one step, and what it should answer.
 *
 * @param inputs one example in each row
 * @param targets one answer in each row
 */
public record Batch(Tensor inputs, Tensor targets) implements AutoCloseable {
  /** Takes both out of their scope: whoever holds the batch closes it. */
  public Batch escape() {
    Scope.escape(inputs);
    Scope.escape(targets);
    return this;
  }

  @Override
  public void close() {
    inputs.close();
    targets.close();
  }
}
