package dev.adjoint.nn;

import dev.adjoint.Tensor;

/** {@code x + inner(x)}: a module as a correction of its input. */
public final class Residual extends Layer {
  private final Layer inner;

  /** Around a module whose results broadcast with its inputs. */
  public Residual(Layer inner) {
    this.inner = module("inner", inner);
  }

  @Override
  public Tensor forward(Tensor x) {
    return x.add(inner.apply(x));
  }
}
