package dev.adjoint.internal;

import dev.adjoint.ClosedTensorException;
import dev.adjoint.DType;
import dev.adjoint.spi.Layout;
import dev.adjoint.spi.View;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * What a tensor handle stands for: what has to be closed when the handle is gone. It never holds
 * the handle. Holds one count of its storage and one of its node until it is closed.
 */
public final class TensorState implements Runnable {
  private static final VarHandle CLOSED;
  private static final VarHandle UNSCOPED;
  private static final VarHandle NODE;

  static {
    try {
      CLOSED = MethodHandles.lookup().findVarHandle(TensorState.class, "closed", boolean.class);
      UNSCOPED = MethodHandles.lookup().findVarHandle(TensorState.class, "unscoped", boolean.class);
      NODE = MethodHandles.lookup().findVarHandle(TensorState.class, "node", GraphNode.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final Storage storage;
  private final View view;
  private volatile @Nullable GraphNode node;
  private volatile boolean closed;
  private volatile boolean unscoped;

  // Links of the list of its scope. Only the scope's thread touches them.
  @Nullable ScopedTensors list;
  @Nullable TensorState previousInList;
  @Nullable TensorState nextInList;

  /** Takes over the caller's hold on the storage and on the node. */
  public TensorState(Storage storage, Layout layout, DType dtype, @Nullable GraphNode node) {
    this.storage = storage;
    this.view = new View(storage.memory(), layout, dtype);
    this.node = node;
    storage.addHandle();
  }

  public Storage storage() {
    return storage;
  }

  public View view() {
    return view;
  }

  /** What its gradient flows to: null if none is wanted, a leaf, or the operation that made it. */
  public @Nullable GraphNode node() {
    return node;
  }

  /**
   * Whether a gradient is wanted.
   *
   * @throws ClosedTensorException if the tensor is closed: then it cannot be told any more
   */
  public boolean hasNode() {
    if (node != null) {
      return true;
    }
    if (closed) { // set before the node is taken away
      throw closedException();
    }
    return false;
  }

  /**
   * The node with a hold for the caller, or null if no gradient is wanted. Whoever records an
   * operation looks once, with this: another thread may close the tensor at any time, and a result
   * must then not lose its graph silently.
   *
   * @throws ClosedTensorException if the tensor is closed
   */
  public @Nullable GraphNode retainNode() {
    while (hasNode()) {
      GraphNode seen = node;
      if (seen != null && seen.tryRetain()) {
        return seen;
      }
    }
    return null;
  }

  /** Replaces the node, after an in-place operation or {@code requiresGrad_}; takes over a hold. */
  public void setNode(@Nullable GraphNode replacement) {
    letGo(exchangeNode(replacement));
    if (closed) {
      letGo(exchangeNode(null)); // closed by another thread meanwhile
    }
  }

  /** Hands over the hold on the old node to one caller only, whatever other threads do. */
  private @Nullable GraphNode exchangeNode(@Nullable GraphNode replacement) {
    return (GraphNode) NODE.getAndSet(this, replacement);
  }

  private void letGo(@Nullable GraphNode old) {
    if (old != null) {
      old.abandon(this);
      old.release();
    }
  }

  public boolean isClosed() {
    return closed;
  }

  /** Keeps the memory from being freed until {@link #unpin}. */
  public void pin() {
    storage.pool().checkThread();
    if (closed || !storage.tryRetain()) {
      throw closedException();
    }
  }

  public void unpin() {
    storage.release();
  }

  public ClosedTensorException closedException() {
    return new ClosedTensorException(
        "tensor: "
            + view.dtype()
            + " "
            + view.layout().shape()
            + " is closed; keep it beyond its scope with Scope.keep or return it from Scope.tidy");
  }

  /** Counts its memory as some that only the collector gives back. */
  public void markUnscoped() {
    unscoped = true;
    storage.context().allocator().unscoped(storage.memory().bytes());
    if (closed) {
      unmarkUnscoped(); // closed by another thread meanwhile
    }
  }

  private void unmarkUnscoped() {
    if (unscoped && UNSCOPED.compareAndSet(this, true, false)) {
      storage.context().allocator().unscoped(-storage.memory().bytes());
    }
  }

  /** Closes once; from any thread. */
  public void close() {
    if (CLOSED.compareAndSet(this, false, true)) {
      unmarkUnscoped();
      // Whoever sets a node after this look finds the tensor closed, and lets go of it.
      GraphNode last = node == null ? null : exchangeNode(null);
      storage.removeHandle();
      storage.release();
      letGo(last);
    }
  }

  /** Closes it when its handle was dropped. */
  @Override
  public void run() {
    close();
  }
}
