package dev.adjoint;

import dev.adjoint.ops.Attention;
import dev.adjoint.ops.Indexing;
import dev.adjoint.ops.Losses;
import dev.adjoint.ops.MatMul;
import dev.adjoint.ops.Normalization;
import org.jspecify.annotations.Nullable;

/** What networks are made of. Part of {@link Tensor}. */
public sealed interface TensorLayers permits Tensor {
  /** The matrix product, batched and broadcast as PyTorch's. */
  default Tensor matmul(Tensor other) {
    return MatMul.matmul(self(), other);
  }

  /**
   * {@code this · weightᵀ + bias}: […, in] → […, out], weight [out, in], bias [out], all of one
   * type; under {@link Precision#BF16} this and the result may be BF16 with F32 weight and bias.
   */
  default Tensor linear(Tensor weight, @Nullable Tensor bias) {
    return MatMul.linear(self(), weight, bias);
  }

  /** Layer normalisation over the last dimension; weight and bias may be F32 beside 16 bits. */
  default Tensor layerNorm(@Nullable Tensor weight, @Nullable Tensor bias, double eps) {
    return Normalization.layerNorm(self(), weight, bias, eps);
  }

  /**
   * Root-mean-square normalisation over the last dimension; the weight may be F32 beside 16 bits.
   */
  default Tensor rmsNorm(@Nullable Tensor weight, double eps) {
    return Normalization.rmsNorm(self(), weight, eps);
  }

  /**
   * The mean cross-entropy of logits […, C] against class numbers […]; F32 for 16 bits. The classes
   * are in the last dimension, in PyTorch in dimension 1: for [B, C, T] call {@link
   * #crossEntropy(Tensor, int)}.
   *
   * @throws ShapeMismatchException if the targets have another shape
   */
  default Tensor crossEntropy(Tensor targets) {
    return Losses.crossEntropy(self(), targets);
  }

  /**
   * The mean cross-entropy of logits with the classes in any dimension against class numbers of
   * their shape without it; F32 for 16 bits.
   *
   * @throws ShapeMismatchException if the targets have another shape
   */
  default Tensor crossEntropy(Tensor targets, int classDim) {
    return Losses.crossEntropy(self(), targets, classDim);
  }

  /**
   * The mean squared error against a target of the same shape; F32 for 16 bits.
   *
   * @throws ShapeMismatchException if the shapes differ: nothing is broadcast
   */
  default Tensor mseLoss(Tensor target) {
    return Losses.mseLoss(self(), target);
  }

  /** Rows of this table [V, D] by indices of any shape. */
  default Tensor embedding(Tensor indices) {
    return Indexing.embedding(self(), indices);
  }

  /** Attention of this [B, H, Tq, D] on keys and values [B, H, Tk, D]. */
  default Tensor scaledDotProductAttention(Tensor keys, Tensor values, boolean causal) {
    return Attention.scaledDotProductAttention(self(), keys, values, causal);
  }

  private Tensor self() {
    return (Tensor) this;
  }
}
