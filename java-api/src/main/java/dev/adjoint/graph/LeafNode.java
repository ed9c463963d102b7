package dev.adjoint.graph;

import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.internal.Recorder;
import dev.adjoint.internal.Storage;
import dev.adjoint.internal.TensorState;
import dev.adjoint.internal.Tensors;
import dev.adjoint.internal.ThreadState;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Where gradients end up: owns the gradient of one leaf. Locked, since the collector may close the
 * leaf's last handle while a graph behind it still goes backward.
 */
public final class LeafNode extends Node {
  private final TensorState owner;
  private boolean abandoned;
  private @Nullable Tensor grad;

  public LeafNode(TensorState owner) {
    this.owner = owner;
  }

  @Override
  public String name() {
    return "leaf";
  }

  @Override
  Shape shape() {
    return owner.view().layout().shape();
  }

  public synchronized @Nullable Tensor grad() {
    return grad;
  }

  /** Replaces the gradient; the old one is closed. Takes ownership. */
  public synchronized void setGrad(@Nullable Tensor replacement) {
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

  /**
   * The tensor is closed or wants no gradient any more: nobody can ask for it. A gradient that is
   * part of a graph leads back here, so that counting alone would never free it.
   */
  public synchronized void abandon(TensorState by) {
    if (by == owner) {
      abandoned = true;
      setGrad(null);
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
  synchronized void accumulate(Tensor contribution, boolean createGraph) {
    Tensor current = grad;
    if (abandoned) {
      contribution.close();
    } else if (createGraph) {
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

  /**
   * Lets {@code addition} add a contribution to the gradient in place; false if there is none yet,
   * or one that is part of a graph, not dense, or perhaps among what the addition reads.
   */
  synchronized boolean addTo(Consumer<Tensor> addition) {
    Tensor current = grad;
    if (current == null) {
      return false;
    }
    TensorState state = Tensors.state(current);
    if (state.node() != null
        || !state.view().layout().isContiguous()
        || state.storage().isAliased()) {
      return false;
    }
    addition.accept(current);
    state.storage().bumpVersion();
    return true;
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
