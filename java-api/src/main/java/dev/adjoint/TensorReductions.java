package dev.adjoint;

import dev.adjoint.ops.Reductions;
import dev.adjoint.ops.Softmax;
import dev.adjoint.spi.Reduction;

/** Reductions of some dimensions, or of all. Part of {@link Tensor}. */
public sealed interface TensorReductions permits Tensor {
  /** The sum over the named dimensions (all, if none is named), which disappear. */
  default Tensor sum(int... dims) {
    return Reductions.reduce(Reduction.SUM, self(), false, dims);
  }

  /** The sum over the named dimensions; with {@code keepDims} they stay, with size 1. */
  default Tensor sum(boolean keepDims, int... dims) {
    return Reductions.reduce(Reduction.SUM, self(), keepDims, dims);
  }

  /** The mean over the named dimensions (all, if none is named), which disappear. */
  default Tensor mean(int... dims) {
    return Reductions.reduce(Reduction.MEAN, self(), false, dims);
  }

  /** The mean over the named dimensions; with {@code keepDims} they stay, with size 1. */
  default Tensor mean(boolean keepDims, int... dims) {
    return Reductions.reduce(Reduction.MEAN, self(), keepDims, dims);
  }

  /** The largest over the named dimensions (all, if none is named), which disappear. */
  default Tensor max(int... dims) {
    return Reductions.reduce(Reduction.MAX, self(), false, dims);
  }

  /** The largest over the named dimensions; with {@code keepDims} they stay, with size 1. */
  default Tensor max(boolean keepDims, int... dims) {
    return Reductions.reduce(Reduction.MAX, self(), keepDims, dims);
  }

  /** The smallest over the named dimensions (all, if none is named), which disappear. */
  default Tensor min(int... dims) {
    return Reductions.reduce(Reduction.MIN, self(), false, dims);
  }

  /** The index of the first largest element along a dimension, which disappears; I64. */
  default Tensor argmax(int dim) {
    return Reductions.argmax(self(), dim);
  }

  /** Softmax along a dimension. */
  default Tensor softmax(int dim) {
    return Softmax.softmax(self(), dim);
  }

  /** The logarithm of softmax along a dimension. */
  default Tensor logSoftmax(int dim) {
    return Softmax.logSoftmax(self(), dim);
  }

  private Tensor self() {
    return (Tensor) this;
  }
}
