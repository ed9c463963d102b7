package dev.adjoint.internal;

import dev.adjoint.Precision;
import dev.adjoint.Scope;
import org.jspecify.annotations.Nullable;

/**
 * What belongs to a thread: the innermost scope, the gradient mode, the precision of products, a
 * recording under way.
 */
public final class ThreadState {
  private static final ThreadLocal<ThreadState> CURRENT = ThreadLocal.withInitial(ThreadState::new);

  public @Nullable Scope scope;
  public boolean gradOff;
  public Precision precision = Precision.F32;
  public @Nullable Recorder recorder;

  private ThreadState() {}

  public static ThreadState current() {
    return CURRENT.get();
  }
}
