package dev.adjoint.internal;

import org.jspecify.annotations.Nullable;

/**
 * The tensors born in one scope: what has to be closed when the scope is gone. It holds neither the
 * scope nor handles of tensors, so that the collector can find these.
 */
public final class ScopedTensors implements Runnable {
  private @Nullable TensorState first;

  /** Adds a tensor, in constant time. */
  public void add(TensorState state) {
    TensorState next = first;
    state.list = this;
    state.nextInList = next;
    if (next != null) {
      next.previousInList = state;
    }
    first = state;
  }

  /** Takes a tensor out, in constant time; does nothing if it is not in this list. */
  public void remove(TensorState state) {
    if (state.list != this) {
      return;
    }
    TensorState previous = state.previousInList;
    TensorState next = state.nextInList;
    if (previous != null) {
      previous.nextInList = next;
    } else {
      first = next;
    }
    if (next != null) {
      next.previousInList = previous;
    }
    state.list = null;
    state.previousInList = null;
    state.nextInList = null;
  }

  /** Closes all of them. */
  @Override
  public void run() {
    for (TensorState state = first; state != null; state = first) {
      remove(state);
      state.close();
    }
  }
}
