package dev.adjoint.internal;

import dev.adjoint.TensorException;
import org.jspecify.annotations.Nullable;

/** A setting of a thread whose changes nest: each is undone when its guard is closed. */
public final class Setting<T> {
  private final ThreadState state;
  private final String name;
  private T value;
  private @Nullable Change innermost;

  Setting(ThreadState state, String name, T initial) {
    this.state = state;
    this.name = name;
    this.value = initial;
  }

  T value() {
    return value;
  }

  boolean isUnchanged() {
    return innermost == null;
  }

  Guard set(T changed) {
    Change change = new Change();
    innermost = change;
    value = changed;
    return change;
  }

  /** Undoes a change when closed. */
  public sealed interface Guard extends AutoCloseable {
    /**
     * Restores what was in force before. Closing twice does nothing.
     *
     * @throws TensorException from another thread; and if an inner guard was still open, after
     *     closing that one too
     */
    @Override
    void close();
  }

  private final class Change implements Guard {
    private final T before = value;
    private final @Nullable Change outer = innermost;
    private boolean closed;

    @Override
    public void close() {
      if (closed) {
        return;
      }
      state.checkThread(name);
      boolean forgotten = false;
      for (Change inner = innermost; inner != null && inner != this; inner = innermost) {
        forgotten = true;
        inner.undo();
      }
      undo();
      state.leaveIfUnused();
      Check.that(
          !forgotten,
          name,
          "an inner guard was still open and has been closed too; open guards in try (…)");
    }

    private void undo() {
      closed = true;
      value = before;
      innermost = outer;
    }
  }
}
