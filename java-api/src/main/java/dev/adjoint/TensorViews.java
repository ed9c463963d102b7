package dev.adjoint;

import dev.adjoint.host.HostAccess;
import dev.adjoint.internal.Tensors;
import dev.adjoint.ops.Cast;
import dev.adjoint.ops.Movement;

/** Conversions, views and copies. Part of {@link Tensor}. */
public sealed interface TensorViews permits Tensor {
  /** Converted to another type; this tensor itself if it is of that type. */
  default Tensor to(DType dtype) {
    return Cast.to(self(), dtype);
  }

  /** Copied to another device, outside any graph; this tensor itself if it is there. */
  default Tensor to(Device device) {
    return HostAccess.to(self(), device);
  }

  /** A dense copy, part of the graph. */
  default Tensor copy() {
    return Movement.copy(self());
  }

  /** This tensor if it is dense, else a dense copy. */
  default Tensor contiguous() {
    return Movement.contiguous(self());
  }

  /** The same memory outside any graph. */
  default Tensor detach() {
    return Tensors.alias(self(), Tensors.layout(self()));
  }

  /** Another shape, one size may be −1; a view where strides allow it, else a copy. */
  default Tensor reshape(long... sizes) {
    return Movement.reshape(self(), sizes);
  }

  /** Two dimensions exchanged; a view. */
  default Tensor transpose(int a, int b) {
    return Movement.transpose(self(), a, b);
  }

  /** The last two dimensions exchanged; a view. */
  default Tensor t() {
    return Movement.transpose(self(), -1, -2);
  }

  /** The dimensions in another order; a view. */
  default Tensor permute(int... order) {
    return Movement.permute(self(), order);
  }

  /** Indices start … end − 1 of a dimension; negative ones count from the end; a view. */
  default Tensor slice(int dim, long start, long end) {
    return Movement.slice(self(), dim, start, end, 1);
  }

  /** Every step-th of the indices start … end − 1 of a dimension; a view. */
  default Tensor slice(int dim, long start, long end, long step) {
    return Movement.slice(self(), dim, start, end, step);
  }

  /** One index of a dimension, which disappears; a view. */
  default Tensor select(int dim, long index) {
    return Movement.select(self(), dim, index);
  }

  /** Repeated along dimensions of size 1 and new ones in front; −1 keeps a size; a view. */
  default Tensor expand(long... sizes) {
    return Movement.expand(self(), sizes);
  }

  /** One more dimension, of size 1; a view. */
  default Tensor unsqueeze(int dim) {
    return Movement.unsqueeze(self(), dim);
  }

  /** Without a dimension of size 1; a view. */
  default Tensor squeeze(int dim) {
    return Movement.squeeze(self(), dim);
  }

  private Tensor self() {
    return (Tensor) this;
  }
}
