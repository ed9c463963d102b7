package dev.adjoint;

import dev.adjoint.ops.Elementwise;
import dev.adjoint.ops.Random;
import dev.adjoint.spi.UnaryKernel;

/** Functions of each element. Part of {@link Tensor}. */
public sealed interface TensorFunctions permits Tensor {
  /** −x. */
  default Tensor neg() {
    return Elementwise.unary(UnaryKernel.NEG, self());
  }

  /** |x|. */
  default Tensor abs() {
    return Elementwise.unary(UnaryKernel.ABS, self());
  }

  /** e^x. */
  default Tensor exp() {
    return Elementwise.unary(UnaryKernel.EXP, self());
  }

  /** The natural logarithm. */
  default Tensor log() {
    return Elementwise.unary(UnaryKernel.LOG, self());
  }

  /** √x. */
  default Tensor sqrt() {
    return Elementwise.unary(UnaryKernel.SQRT, self());
  }

  /** 1/√x. */
  default Tensor rsqrt() {
    return Elementwise.unary(UnaryKernel.RSQRT, self());
  }

  /** 1/x. */
  default Tensor reciprocal() {
    return Elementwise.unary(UnaryKernel.RECIPROCAL, self());
  }

  /** x². */
  default Tensor square() {
    return Elementwise.unary(UnaryKernel.SQUARE, self());
  }

  /** sin x. */
  default Tensor sin() {
    return Elementwise.unary(UnaryKernel.SIN, self());
  }

  /** cos x. */
  default Tensor cos() {
    return Elementwise.unary(UnaryKernel.COS, self());
  }

  /** tanh x. */
  default Tensor tanh() {
    return Elementwise.unary(UnaryKernel.TANH, self());
  }

  /** The logistic function 1/(1 + e^−x). */
  default Tensor sigmoid() {
    return Elementwise.unary(UnaryKernel.SIGMOID, self());
  }

  /** The error function. */
  default Tensor erf() {
    return Elementwise.unary(UnaryKernel.ERF, self());
  }

  /** max(x, 0); its derivative at 0 is 0. */
  default Tensor relu() {
    return Elementwise.unary(UnaryKernel.RELU, self());
  }

  /** x·Φ(x), exact. */
  default Tensor gelu() {
    return Elementwise.unary(UnaryKernel.GELU, self());
  }

  /** GELU in its tanh approximation, as GPT-2 uses it. */
  default Tensor geluTanh() {
    return Elementwise.unary(UnaryKernel.GELU_TANH, self());
  }

  /** x·σ(x). */
  default Tensor silu() {
    return Elementwise.unary(UnaryKernel.SILU, self());
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
