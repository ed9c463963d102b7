package dev.adjoint;

import dev.adjoint.internal.Tensors;
import dev.adjoint.ops.Elementwise;
import dev.adjoint.spi.BinaryFunction;

/**
 * Functions of two tensors, which broadcast, or of a tensor and a number; methods that end in
 * {@code _} change the tensor in place. Part of {@link Tensor}.
 */
public sealed interface TensorArithmetic permits Tensor {
  /** {@code this + other}. */
  default Tensor add(Tensor other) {
    return Elementwise.binary(BinaryFunction.ADD, self(), other);
  }

  /** {@code this + other}. */
  default Tensor add(double other) {
    return Elementwise.binary(BinaryFunction.ADD, self(), other, false);
  }

  /** {@code this − other}. */
  default Tensor sub(Tensor other) {
    return Elementwise.binary(BinaryFunction.SUB, self(), other);
  }

  /** {@code this − other}. */
  default Tensor sub(double other) {
    return Elementwise.binary(BinaryFunction.SUB, self(), other, false);
  }

  /** {@code other − this}. */
  default Tensor rsub(double other) {
    return Elementwise.binary(BinaryFunction.SUB, self(), other, true);
  }

  /** {@code this · other}, element by element. */
  default Tensor mul(Tensor other) {
    return Elementwise.binary(BinaryFunction.MUL, self(), other);
  }

  /** {@code this · other}. */
  default Tensor mul(double other) {
    return Elementwise.binary(BinaryFunction.MUL, self(), other, false);
  }

  /** {@code this / other}; F32 and F64. */
  default Tensor div(Tensor other) {
    return Elementwise.binary(BinaryFunction.DIV, self(), other);
  }

  /** {@code this / other}; F32 and F64. */
  default Tensor div(double other) {
    return Elementwise.binary(BinaryFunction.DIV, self(), other, false);
  }

  /** {@code other / this}; F32 and F64. */
  default Tensor rdiv(double other) {
    return Elementwise.binary(BinaryFunction.DIV, self(), other, true);
  }

  /** {@code this^exponent}; F32 and F64. */
  default Tensor pow(Tensor exponent) {
    return Elementwise.binary(BinaryFunction.POW, self(), exponent);
  }

  /** {@code this^exponent}; F32 and F64. */
  default Tensor pow(double exponent) {
    return Elementwise.binary(BinaryFunction.POW, self(), exponent, false);
  }

  /** The larger of two; NaN if either is. */
  default Tensor maximum(Tensor other) {
    return Elementwise.binary(BinaryFunction.MAXIMUM, self(), other);
  }

  /** The smaller of two; NaN if either is. */
  default Tensor minimum(Tensor other) {
    return Elementwise.binary(BinaryFunction.MINIMUM, self(), other);
  }

  /** Each element limited to [low, high]. */
  default Tensor clamp(double low, double high) {
    return Tensors.tidy(
        () ->
            Elementwise.binary(
                BinaryFunction.MINIMUM,
                Elementwise.binary(BinaryFunction.MAXIMUM, self(), low, false),
                high,
                false));
  }

  /** {@code this = other}, element by element; BOOL. */
  default Tensor eq(Tensor other) {
    return Elementwise.binary(BinaryFunction.EQ, self(), other);
  }

  /** {@code this = other}; BOOL. */
  default Tensor eq(double other) {
    return Elementwise.binary(BinaryFunction.EQ, self(), other, false);
  }

  /** {@code this ≠ other}; BOOL. */
  default Tensor ne(Tensor other) {
    return Elementwise.binary(BinaryFunction.NE, self(), other);
  }

  /** {@code this ≠ other}; BOOL. */
  default Tensor ne(double other) {
    return Elementwise.binary(BinaryFunction.NE, self(), other, false);
  }

  /** {@code this < other}; BOOL. */
  default Tensor lt(Tensor other) {
    return Elementwise.binary(BinaryFunction.LT, self(), other);
  }

  /** {@code this < other}; BOOL. */
  default Tensor lt(double other) {
    return Elementwise.binary(BinaryFunction.LT, self(), other, false);
  }

  /** {@code this ≤ other}; BOOL. */
  default Tensor le(Tensor other) {
    return Elementwise.binary(BinaryFunction.LE, self(), other);
  }

  /** {@code this ≤ other}; BOOL. */
  default Tensor le(double other) {
    return Elementwise.binary(BinaryFunction.LE, self(), other, false);
  }

  /** {@code this > other}; BOOL. */
  default Tensor gt(Tensor other) {
    return Elementwise.binary(BinaryFunction.GT, self(), other);
  }

  /** {@code this > other}; BOOL. */
  default Tensor gt(double other) {
    return Elementwise.binary(BinaryFunction.GT, self(), other, false);
  }

  /** {@code this ≥ other}; BOOL. */
  default Tensor ge(Tensor other) {
    return Elementwise.binary(BinaryFunction.GE, self(), other);
  }

  /** {@code this ≥ other}; BOOL. */
  default Tensor ge(double other) {
    return Elementwise.binary(BinaryFunction.GE, self(), other, false);
  }

  // ---- in place ----

  /** {@code this += other}. */
  default Tensor add_(Tensor other) {
    return Elementwise.inPlace(BinaryFunction.ADD, self(), other);
  }

  /** {@code this += other}. */
  default Tensor add_(double other) {
    return Elementwise.inPlace(BinaryFunction.ADD, self(), other);
  }

  /** {@code this −= other}. */
  default Tensor sub_(Tensor other) {
    return Elementwise.inPlace(BinaryFunction.SUB, self(), other);
  }

  /** {@code this −= other}. */
  default Tensor sub_(double other) {
    return Elementwise.inPlace(BinaryFunction.SUB, self(), other);
  }

  /** {@code this ·= other}. */
  default Tensor mul_(Tensor other) {
    return Elementwise.inPlace(BinaryFunction.MUL, self(), other);
  }

  /** {@code this ·= other}. */
  default Tensor mul_(double other) {
    return Elementwise.inPlace(BinaryFunction.MUL, self(), other);
  }

  /** Every element 0. */
  default Tensor zero_() {
    return Elementwise.fillInPlace(self(), 0);
  }

  /** Every element {@code value}. */
  default Tensor fill_(double value) {
    return Elementwise.fillInPlace(self(), value);
  }

  /** The values of another tensor of the same type, broadcast. */
  default Tensor copy_(Tensor other) {
    return Elementwise.copyInPlace(self(), other);
  }

  private Tensor self() {
    return (Tensor) this;
  }
}
