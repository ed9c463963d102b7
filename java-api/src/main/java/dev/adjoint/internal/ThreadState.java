package dev.adjoint.internal;

import dev.adjoint.Precision;
import dev.adjoint.Scope;
import java.lang.StackWalker.Option;
import java.lang.ref.WeakReference;
import java.util.Set;
import java.util.concurrent.ForkJoinTask;
import java.util.concurrent.ForkJoinWorkerThread;
import java.util.function.Supplier;
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

  /** Made when they are first changed, since most tasks only open scopes. */
  private @Nullable Setting<Boolean> gradOff;

  private @Nullable Setting<Precision> precision;
  private @Nullable ScopeLink scopes;
  private @Nullable Recorder recorder;

  /**
   * How many scopes around an operation of this library are open. No code of users runs inside
   * them, so the thread runs no other task meanwhile, and looking at its stack can be spared.
   */
  private int operations;

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
    return state != null && state.gradOff != null && state.gradOff.value();
  }

  /** The precision of products. */
  public static Precision precision() {
    ThreadState state = current();
    return state == null || state.precision == null ? Precision.F32 : state.precision.value();
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
    ThreadState state = own();
    if (state.gradOff == null) {
      state.gradOff = new Setting<>(state, "gradMode", false);
    }
    return state.gradOff.set(off);
  }

  /** Changes the precision of products until the guard is closed. */
  public static Setting.Guard precision(Precision value) {
    ThreadState state = own();
    if (state.precision == null) {
      state.precision = new Setting<>(state, "precision", Precision.F32);
    }
    return state.precision.set(value);
  }

  /** Begins or ends (null) the recording of a step. */
  public static void recorder(@Nullable Recorder value) {
    ThreadState state = own();
    state.recorder = value;
    state.leaveIfUnused();
  }

  /** The state of the task that the current thread runs, to open a scope in. */
  public static ThreadState forScope() {
    return own();
  }

  /**
   * Makes a scope of this state's thread the innermost one.
   *
   * @param operation whether it surrounds an operation of this library, which is certain to close
   *     it, and in which code of users runs only by {@link #runUserCode}
   */
  public void enter(Scope scope, boolean operation) {
    scopes = new ScopeLink(scope, operation, scopes);
    if (operation) {
      operations++;
    }
  }

  /** Ends the innermost scope. */
  public void leave(Scope scope) {
    ScopeLink link = scopes;
    if (link == null || link.get() != scope) {
      throw new IllegalStateException("not the innermost scope");
    }
    scopes = link.outer;
    if (link.operation) {
      operations--;
    }
    leaveIfUnused();
  }

  /** Runs code of users from within an operation: it may make the thread run other tasks. */
  public static <T> T runUserCode(Supplier<T> code) {
    ThreadState state = CURRENT.get();
    if (state == null || state.operations == 0) {
      return code.get();
    }
    int operations = state.operations;
    state.operations = 0;
    try {
      return code.get();
    } finally {
      state.operations = operations;
    }
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
        && (gradOff == null || gradOff.isUnchanged())
        && (precision == null || precision.isUnchanged())
        && CURRENT.get() == this) {
      CURRENT.set(waiting);
    }
  }

  // ---- the state of a task ----

  private static @Nullable ThreadState current() {
    ThreadState state = CURRENT.get();
    return state == null || state.tasks == 0 || state.operations > 0
        ? state
        : state.ofDepth(depth());
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
    if (top != null && top.operations > 0) {
      return top;
    }
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
    private final boolean operation;
    private final @Nullable ScopeLink outer;

    private ScopeLink(Scope scope, boolean operation, @Nullable ScopeLink outer) {
      super(scope);
      this.operation = operation;
      this.outer = outer;
    }
  }
}
