package dev.adjoint.internal;

import dev.adjoint.ClosedTensorException;
import dev.adjoint.DType;
import dev.adjoint.graph.LeafNode;
import dev.adjoint.graph.Node;
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

  static {
    try {
      CLOSED = MethodHandles.lookup().findVarHandle(TensorState.class, "closed", boolean.class);
      UNSCOPED = MethodHandles.lookup().findVarHandle(TensorState.class, "unscoped", boolean.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final Storage storage;
  private final View view;
  private volatile @Nullable Node node;
  private volatile boolean closed;
  private volatile boolean unscoped;

  // Links of the list of its scope, touched by the scope's thread alone.
  @Nullable ScopedTensors list;
  @Nullable TensorState previousInList;
  @Nullable TensorState nextInList;

  /** Takes over the caller's hold on the storage and on the node. */
  public TensorState(Storage storage, Layout layout, DType dtype, @Nullable Node node) {
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
  public @Nullable Node node() {
    return node;
  }

  /** Replaces the node, after an in-place operation or {@code requiresGrad_}; takes over a hold. */
  public void setNode(@Nullable Node replacement) {
    Node old = node;
    node = replacement;
    letGo(old);
  }

  private void letGo(@Nullable Node old) {
    if (old instanceof LeafNode leaf) {
      leaf.abandon(this);
    }
    if (old != null) {
      old.release();
    }
  }

  public boolean isClosed() {
    return closed;
  }

  /** Keeps the memory from being freed until {@link #unpin}. */
  public void pin() {
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
      Node last = node;
      node = null;
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
