package dev.adjoint.autograd;

import dev.adjoint.TensorException;
import dev.adjoint.graph.RecordingElsewhere;
import dev.adjoint.internal.Setting;
import dev.adjoint.internal.ThreadState;

/**
 * Whether operations are recorded, for the current thread. As in PyTorch, other threads are not
 * affected, workers of a parallel stream or an executor among them: code that runs there sets the
 * mode itself. A warning is logged, once, when a fork/join worker records while another thread is
 * inside {@link #off}. Tasks that a worker runs while it waits for another one are not affected
 * either.
 */
public final class GradMode {
  private GradMode() {}

  /** Restores the mode when closed. */
  public static final class Guard implements AutoCloseable {
    private final Setting.Guard change;
    private boolean counted;

    private Guard(boolean off) {
      change = ThreadState.gradOff(off);
      counted = off;
      if (off) {
        RecordingElsewhere.off();
      }
    }

    /**
     * Restores the mode that was in force before. Closing twice does nothing.
     *
     * @throws TensorException from another thread, which changes nothing; and if an inner guard was
     *     still open, after closing that one too
     */
    @Override
    public void close() {
      change.close();
      if (counted) {
        counted = false;
        RecordingElsewhere.offNoMore();
      }
    }
  }

  /**
   * Nothing is recorded until the guard is closed: {@code try (var off = GradMode.off()) { … }}.
   */
  public static Guard off() {
    return new Guard(true);
  }

  /** Operations are recorded until the guard is closed, inside an {@link #off} for example. */
  public static Guard on() {
    return new Guard(false);
  }

  /** Whether operations on tensors that require gradients are recorded now. */
  public static boolean isEnabled() {
    return !ThreadState.isGradOff();
  }
}
