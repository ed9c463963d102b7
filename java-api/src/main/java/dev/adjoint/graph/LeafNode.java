package dev.adjoint.graph;

import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.internal.Recorder;
import dev.adjoint.internal.Storage;
import dev.adjoint.internal.TensorState;
import dev.adjoint.internal.Tensors;
import dev.adjoint.internal.ThreadState;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Where gradients end up: owns the gradient of one leaf. Locked, since the leaf's last handle may
 * be closed by another thread while a graph behind it still goes backward. Whoever closes a leaf
 * never waits for the lock: it may be closing what was dropped, in the middle of another leaf's
 * work.
 */
public final class LeafNode extends Node {
  private final TensorState owner;
  private final ReentrantLock lock = new ReentrantLock();
  private volatile boolean abandoned;
  private volatile @Nullable Tensor grad;

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

  public @Nullable Tensor grad() {
    return grad;
  }

  /** Replaces the gradient; the old one is closed. Takes ownership. */
  public void setGrad(@Nullable Tensor replacement) {
    lock.lock();
    try {
      replace(replacement);
    } finally {
      unlock();
    }
  }

  private void replace(@Nullable Tensor replacement) {
    Tensor old = grad;
    grad = replacement;
    if (replacement != null) {
      Tensors.disown(replacement);
      Recorder recorder = ThreadState.recorder();
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
  public void abandon(TensorState by) {
    if (by == owner) {
      abandoned = true;
      closeIfAbandoned();
    }
  }

  private void unlock() {
    lock.unlock();
    closeIfAbandoned();
  }

  /** Closes the gradient that nobody can ask for; who holds the lock does so when it lets go. */
  private void closeIfAbandoned() {
    while (abandoned && grad != null && !lock.isHeldByCurrentThread() && lock.tryLock()) {
      try {
        replace(null);
      } finally {
        lock.unlock();
      }
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
    lock.lock();
    try {
      Tensor current = grad;
      if (abandoned) {
        contribution.close();
      } else if (createGraph) {
        replace(current == null ? contribution.copy() : current.add(contribution));
        contribution.close();
      } else if (current == null) {
        if (isMovable(contribution)) {
          replace(contribution);
        } else {
          replace(contribution.copy());
          contribution.close();
        }
      } else {
        current.add_(contribution);
        contribution.close();
      }
    } finally {
      unlock();
    }
  }

  /**
   * Lets {@code addition} add a contribution to the gradient in place; false if there is none yet,
   * or one that is part of a graph, not dense, or perhaps among what the addition reads.
   */
  boolean addTo(Consumer<Tensor> addition) {
    lock.lock();
    try {
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
    } finally {
      unlock();
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
