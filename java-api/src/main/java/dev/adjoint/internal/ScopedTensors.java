package dev.adjoint.internal;

import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * The tensors born in one scope: what has to be closed when the scope is gone. It holds neither the
 * scope nor handles of tensors, so that the collector can find these.
 */
public final class ScopedTensors implements Runnable {
  private @Nullable TensorState first;

  /** What other threads have closed and this list's thread is still to take out. */
  private final AtomicReference<@Nullable Leaving> leaving = new AtomicReference<>();

  private record Leaving(TensorState state, @Nullable Leaving next) {}

  /** Adds a tensor, in constant time. */
  public void add(TensorState state) {
    if (leaving.getPlain() != null) {
      removeLeaving();
    }
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

  /**
   * For another thread than that of the scope: asks for a tensor to be taken out, which happens
   * when the scope's thread adds the next one. So what other threads close does not pile up in a
   * scope that stays open, and the scope's own thread needs no lock.
   */
  public void removeLater(TensorState state) {
    leaving.updateAndGet(others -> new Leaving(state, others));
  }

  private void removeLeaving() {
    for (Leaving one = leaving.getAndSet(null); one != null; one = one.next()) {
      ScopedTensors list = one.state().list; // may have been kept beyond this scope meanwhile
      if (list != null) {
        list.remove(one.state());
      }
    }
  }

  /** Closes all of them. */
  @Override
  public void run() {
    removeLeaving();
    for (TensorState state = first; state != null; state = first) {
      remove(state);
      state.close();
    }
  }
}
