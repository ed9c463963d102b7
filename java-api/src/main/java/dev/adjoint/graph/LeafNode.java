package dev.adjoint.graph;

import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.internal.Recorder;
import dev.adjoint.internal.Storage;
import dev.adjoint.internal.TensorState;
import dev.adjoint.internal.Tensors;
import dev.adjoint.internal.ThreadState;
import org.jspecify.annotations.Nullable;

/** Where gradients end up: owns the gradient of one leaf. */
public final class LeafNode extends Node {
  private final Shape shape;
  private @Nullable Tensor grad;

  public LeafNode(Shape shape) {
    this.shape = shape;
  }

  @Override
  public String name() {
    return "leaf";
  }

  @Override
  Shape shape() {
    return shape;
  }

  public @Nullable Tensor grad() {
    return grad;
  }

  /** Replaces the gradient; the old one is closed. Takes ownership. */
  public void setGrad(@Nullable Tensor replacement) {
    Tensor old = grad;
    grad = replacement;
    if (replacement != null) {
      Tensors.disown(replacement);
      Recorder recorder = ThreadState.current().recorder;
      if (recorder != null) {
        recorder.mayEscape(Tensors.state(replacement).storage());
      }
    }
    if (old != null && old != replacement) {
      old.close();
    }
  }

  @Override
  void free() {
    setGrad(null);
  }

  /**
   * Adds a contribution, a handle that the backward pass owns. The first one is moved if nobody
   * else can see its memory, else copied.
   */
  void accumulate(Tensor contribution, boolean createGraph) {
    Tensor current = grad;
    if (createGraph) {
      setGrad(current == null ? contribution.copy() : current.add(contribution));
      contribution.close();
    } else if (current == null) {
      if (isMovable(contribution)) {
        setGrad(contribution);
      } else {
        setGrad(contribution.copy());
        contribution.close();
      }
    } else {
      current.add_(contribution);
      contribution.close();
    }
  }

  private static boolean isMovable(Tensor tensor) {
    TensorState state = Tensors.state(tensor);
    Storage storage = state.storage();
    return storage.isExclusive()
        && state.view().layout().isContiguous()
        && state.view().layout().offset() == 0
        && state.node() == null;
  }
}
