package dev.adjoint.autograd;

import dev.adjoint.internal.ThreadState;

/** Whether operations are recorded, for the current thread. */
public final class GradMode {
  private GradMode() {}

  /** Restores the mode when closed. */
  public static final class Guard implements AutoCloseable {
    private final ThreadState thread;
    private final boolean before;

    private Guard(ThreadState thread, boolean off) {
      this.thread = thread;
      this.before = thread.gradOff;
      thread.gradOff = off;
    }

    @Override
    public void close() {
      thread.gradOff = before;
    }
  }

  /**
   * Nothing is recorded until the guard is closed: {@code try (var off = GradMode.off()) { … }}.
   */
  public static Guard off() {
    return new Guard(ThreadState.current(), true);
  }

  /** Operations are recorded until the guard is closed, inside an {@link #off} for example. */
  public static Guard on() {
    return new Guard(ThreadState.current(), false);
  }

  /** Whether operations on tensors that require gradients are recorded now. */
  public static boolean isEnabled() {
    return !ThreadState.current().gradOff;
  }
}
