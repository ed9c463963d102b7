package dev.adjoint;

import dev.adjoint.internal.Tensors;
import dev.adjoint.ops.Elementwise;
import dev.adjoint.ops.Random;
import dev.adjoint.spi.UnaryFunction;

/** Functions of each element. Part of {@link Tensor}. */
public sealed interface TensorFunctions permits Tensor {
  /** −x. */
  default Tensor neg() {
    return Elementwise.unary(UnaryFunction.NEG, self());
  }

  /** |x|. */
  default Tensor abs() {
    return Elementwise.unary(UnaryFunction.ABS, self());
  }

  /** e^x. */
  default Tensor exp() {
    return Elementwise.unary(UnaryFunction.EXP, self());
  }

  /** The natural logarithm. */
  default Tensor log() {
    return Elementwise.unary(UnaryFunction.LOG, self());
  }

  /** √x. */
  default Tensor sqrt() {
    return Elementwise.unary(UnaryFunction.SQRT, self());
  }

  /** 1/√x. */
  default Tensor rsqrt() {
    return Elementwise.unary(UnaryFunction.RSQRT, self());
  }

  /** 1/x. */
  default Tensor reciprocal() {
    return Elementwise.unary(UnaryFunction.RECIPROCAL, self());
  }

  /** x². */
  default Tensor square() {
    return Elementwise.unary(UnaryFunction.SQUARE, self());
  }

  /** sin x. */
  default Tensor sin() {
    return Elementwise.unary(UnaryFunction.SIN, self());
  }

  /** cos x. */
  default Tensor cos() {
    return Elementwise.unary(UnaryFunction.COS, self());
  }

  /** tanh x. */
  default Tensor tanh() {
    return Elementwise.unary(UnaryFunction.TANH, self());
  }

  /** The logistic function 1/(1 + e^−x). */
  default Tensor sigmoid() {
    return Elementwise.unary(UnaryFunction.SIGMOID, self());
  }

  /** The error function. */
  default Tensor erf() {
    return Elementwise.unary(UnaryFunction.ERF, self());
  }

  /** max(x, 0); its derivative at 0 is 0. */
  default Tensor relu() {
    return Elementwise.unary(UnaryFunction.RELU, self());
  }

  /**
   * x where it is positive, else {@code negativeSlope · x} (Maas et al. 2013); the derivative at 0
   * is {@code negativeSlope}, as in PyTorch.
   */
  default Tensor leakyRelu(double negativeSlope) {
    return Tensors.tidy(() -> Tensor.where(self().gt(0), self(), self().mul(negativeSlope)));
  }

  /** x·Φ(x), exact. */
  default Tensor gelu() {
    return Elementwise.unary(UnaryFunction.GELU, self());
  }

  /** GELU in its tanh approximation, as GPT-2 uses it. */
  default Tensor geluTanh() {
    return Elementwise.unary(UnaryFunction.GELU_TANH, self());
  }

  /** x·σ(x). */
  default Tensor silu() {
    return Elementwise.unary(UnaryFunction.SILU, self());
  }

  /**
   * Zeroes elements with probability p, scales the rest by 1/(1 − p); this tensor itself if p is 0.
   * Draws from the device's generator.
   */
  default Tensor dropout(double p) {
    return Random.dropout(self(), p, Adjoint.generator(self().device()));
  }

  /** Zeroes elements with probability p, scales the rest by 1/(1 − p); itself if p is 0. */
  default Tensor dropout(double p, Generator generator) {
    return Random.dropout(self(), p, generator);
  }

  private Tensor self() {
    return (Tensor) this;
  }
}
