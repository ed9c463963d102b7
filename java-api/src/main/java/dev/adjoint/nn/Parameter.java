package dev.adjoint.nn;

import dev.adjoint.Tensor;

/**
 * Where a module finds a tensor that it owns: what its fields hold. {@link NeuralModule#to} puts
 * another tensor in its place, so ask for it in each call and keep no reference to the tensor.
 */
public final class Parameter {
  private volatile Tensor tensor;

  Parameter(Tensor tensor) {
    this.tensor = tensor;
  }

  /** The tensor as it is now. */
  public Tensor get() {
    return tensor;
  }

  void set(Tensor replacement) {
    tensor = replacement;
  }
}
