package dev.adjoint.graph;

import dev.adjoint.ClosedTensorException;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.internal.Recorder;
import dev.adjoint.internal.Storage;
import dev.adjoint.internal.TensorState;
import dev.adjoint.internal.Tensors;
import dev.adjoint.internal.ThreadState;
import java.util.Objects;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Where gradients end up: owns the gradient of one leaf. Locked, since several graphs may go
 * backward to one leaf, and its last handle may be closed meanwhile. Nothing but the scratch of an
 * addition is allocated under the lock: whoever allocates may have to wait for memory, and closes
 * what was dropped. Whoever closes a leaf never waits for the lock: it may be in the middle of
 * another leaf's work.
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
  @Override
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
    while (!tryAccumulate(contribution, createGraph)) {
      // another thread has changed the gradient meanwhile
    }
    if (grad != contribution) {
      contribution.close();
    }
  }

  private boolean tryAccumulate(Tensor contribution, boolean createGraph) {
    if (abandoned) {
      return true;
    }
    Tensor current = grad;
    int version = version(current);
    Tensor made = null; // what has to be allocated, so before the lock is taken
    boolean done = false;
    try {
      if (current == null) {
        made = !createGraph && isMovable(contribution) ? contribution : contribution.copy();
      } else if (createGraph || contribution.dtype().isHalf()) {
        made = current.add(contribution);
      }
      lock.lock();
      try {
        if (abandoned) {
          return true;
        }
        if (grad != current || version(current) != version) {
          return false;
        }
        if (made == null) {
          Objects.requireNonNull(current).add_(contribution);
        } else if (current == null || createGraph) {
          replace(made);
          done = true;
        } else {
          current.copy_(made); // the leaf's gradient stays the same tensor
        }
        return true;
      } finally {
        unlock();
      }
    } catch (ClosedTensorException e) {
      if (grad == current) {
        throw e;
      }
      return false; // it was replaced, or the leaf abandoned
    } finally {
      if (made != null && made != contribution && !done) {
        made.close();
      }
    }
  }

  private static int version(@Nullable Tensor tensor) {
    return tensor == null ? 0 : Tensors.state(tensor).storage().version();
  }

  /**
   * The gradient, if contributions can be added to it in place: there is one, it is dense, no part
   * of a graph, and certainly not among what an addition reads.
   */
  @Nullable Tensor sum() {
    Tensor current = grad;
    if (current == null) {
      return null;
    }
    TensorState state = Tensors.state(current);
    return state.node() == null
            && state.view().layout().isContiguous()
            && !state.storage().isAliased()
        ? current
        : null;
  }

  /**
   * Lets {@code addition}, which allocates scratch at most, add a contribution to the gradient in
   * place.
   *
   * @return false if that is not possible, see {@link #sum}: nothing has been done then
   */
  boolean addTo(Consumer<Tensor> addition) {
    lock.lock();
    try {
      Tensor current = sum();
      if (current == null) {
        return false;
      }
      addition.accept(current);
      Tensors.state(current).storage().bumpVersion();
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
