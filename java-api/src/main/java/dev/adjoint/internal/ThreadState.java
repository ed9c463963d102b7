package dev.adjoint.internal;

import dev.adjoint.Precision;
import dev.adjoint.Scope;
import java.lang.StackWalker.Option;
import java.lang.ref.WeakReference;
import java.util.Set;
import java.util.concurrent.ForkJoinTask;
import java.util.concurrent.ForkJoinWorkerThread;
import org.jspecify.annotations.Nullable;

/**
 * What belongs to the task that a thread runs: its open scopes, the gradient mode, the precision of
 * products, a recording under way. A thread without any of these has no state at all, so that
 * pooled threads hold no class of this library.
 *
 * <p>A worker of a fork/join pool that waits for a task may run others meanwhile, on top of its own
 * stack. Those do not see the scopes and settings of the task that waits.
 */
public final class ThreadState {
  private static final ThreadLocal<@Nullable ThreadState> CURRENT = new ThreadLocal<>();

  private static final StackWalker STACK =
      StackWalker.getInstance(Set.of(Option.RETAIN_CLASS_REFERENCE, Option.DROP_METHOD_INFO));

  private final Thread thread = Thread.currentThread();

  /** How deep the task lies among those of a fork/join worker; 0 on other threads. */
  private final int tasks;

  /** The state of a task that waits for this one. */
  private final @Nullable ThreadState waiting;

  private final Setting<Boolean> gradOff = new Setting<>(this, "gradMode", false);
  private final Setting<Precision> precision = new Setting<>(this, "precision", Precision.F32);
  private @Nullable ScopeLink scopes;
  private @Nullable Recorder recorder;

  private ThreadState(int tasks, @Nullable ThreadState waiting) {
    this.tasks = tasks;
    this.waiting = waiting;
  }

  // ---- what is in force ----

  /** The innermost open scope; null for none. */
  public static @Nullable Scope scope() {
    ThreadState state = current();
    return state == null ? null : state.innermost();
  }

  /** Whether nothing is recorded for backward. */
  public static boolean isGradOff() {
    ThreadState state = current();
    return state != null && state.gradOff.value();
  }

  /** The precision of products. */
  public static Precision precision() {
    ThreadState state = current();
    return state == null ? Precision.F32 : state.precision.value();
  }

  /** The recording of a step that is under way on this thread; null for none. */
  public static @Nullable Recorder recorder() {
    ThreadState state = CURRENT.get();
    return state == null ? null : state.recorder;
  }

  /** Whether the current thread is a worker of a fork/join pool. */
  public static boolean isWorker() {
    return Thread.currentThread() instanceof ForkJoinWorkerThread;
  }

  // ---- changes ----

  /** Switches recording for backward off or on until the guard is closed. */
  public static Setting.Guard gradOff(boolean off) {
    return own().gradOff.set(off);
  }

  /** Changes the precision of products until the guard is closed. */
  public static Setting.Guard precision(Precision value) {
    return own().precision.set(value);
  }

  /** Begins or ends (null) the recording of a step. */
  public static void recorder(@Nullable Recorder value) {
    ThreadState state = own();
    state.recorder = value;
    state.leaveIfUnused();
  }

  /** Makes a scope the innermost one; its thread's state, for {@link #leave}. */
  public static ThreadState enter(Scope scope) {
    ThreadState state = own();
    state.scopes = new ScopeLink(scope, state.scopes);
    return state;
  }

  /** Ends the innermost scope. */
  public void leave(Scope scope) {
    ScopeLink link = scopes;
    if (link == null || link.get() != scope) {
      throw new IllegalStateException("not the innermost scope");
    }
    scopes = link.outer;
    leaveIfUnused();
  }

  /**
   * The innermost open scope of this state; null for none. Those that were dropped without being
   * closed, and collected, are passed over.
   */
  public @Nullable Scope innermost() {
    for (ScopeLink link = scopes; link != null; link = link.outer) {
      Scope scope = link.get();
      if (scope != null) {
        return scope;
      }
      scopes = link.outer;
    }
    return null;
  }

  /** Whether this is the state of the current thread. */
  public boolean isCurrentThread() {
    return thread == Thread.currentThread();
  }

  /** Throws if this is the state of another thread. */
  public void checkThread(String what) {
    Check.that(
        isCurrentThread(),
        what,
        () ->
            "belongs to thread '"
                + thread.getName()
                + "' and cannot be used from '"
                + Thread.currentThread().getName()
                + "'");
  }

  /** Forgets a state in which nothing differs from a new thread's. */
  void leaveIfUnused() {
    if (scopes == null
        && recorder == null
        && gradOff.isUnchanged()
        && precision.isUnchanged()
        && CURRENT.get() == this) {
      CURRENT.set(waiting);
    }
  }

  // ---- the state of a task ----

  private static @Nullable ThreadState current() {
    ThreadState state = CURRENT.get();
    return state == null || state.tasks == 0 ? state : state.ofDepth(depth());
  }

  private @Nullable ThreadState ofDepth(int depth) {
    ThreadState state = this;
    while (state != null && state.tasks > depth) {
      state = state.waiting; // left behind by a task that is over
    }
    return state != null && state.tasks == depth ? state : null;
  }

  private static ThreadState own() {
    ThreadState top = CURRENT.get();
    int depth = isWorker() ? depth() : 0;
    ThreadState state = top == null ? null : top.ofDepth(depth);
    if (state == null) {
      state = new ThreadState(depth, top);
      CURRENT.set(state);
    }
    return state;
  }

  /** How many tasks of fork/join pools the current thread is in: frames of their class. */
  private static int depth() {
    return STACK.walk(
        frames -> (int) frames.filter(f -> f.getDeclaringClass() == ForkJoinTask.class).count());
  }

  /** A place in the stack of open scopes. It does not keep a scope that nobody can close. */
  private static final class ScopeLink extends WeakReference<Scope> {
    private final @Nullable ScopeLink outer;

    private ScopeLink(Scope scope, @Nullable ScopeLink outer) {
      super(scope);
      this.outer = outer;
    }
  }
}
