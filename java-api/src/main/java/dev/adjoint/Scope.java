package dev.adjoint;

import dev.adjoint.internal.Check;
import dev.adjoint.internal.Dropped;
import dev.adjoint.internal.ScopedTensors;
import dev.adjoint.internal.ThreadState;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Frees tensors deterministically: those born inside are closed at its end unless kept. Scopes nest
 * and belong to the thread that opened them.
 *
 * <pre>{@code
 * try (var scope = Scope.open()) {
 *   Tensor loss = model.apply(x).crossEntropy(y);
 *   loss.backward();
 * } // the loss, every intermediate result and the graph are gone; gradients stay with their leaves
 * }</pre>
 *
 * Gradients, optimizer state and parameters belong to their tensor or module, never to the scope in
 * which they happened to be born.
 *
 * <p>A scope that is dropped without being closed stays open as long as one of its tensors is held;
 * then the collector closes it. Other threads have scopes of their own: what workers of a parallel
 * stream or an executor make is born in none, unless they open one. A fork/join worker that waits
 * for a task may run others meanwhile; what these make does not belong to the scope of the one that
 * waits.
 */
public final class Scope implements AutoCloseable {
  private static final String OP = "scope";

  private final @Nullable Scope parent;
  private final ScopedTensors tensors = new ScopedTensors();
  private final ThreadState thread;
  private Dropped.@Nullable Registration registration;
  private boolean closed;

  /**
   * For a try statement, which is certain to close it.
   *
   * @param operation whether an operation of this library runs inside, and no code of users
   */
  Scope(boolean operation) {
    thread = ThreadState.forScope();
    parent = thread.innermost();
    thread.enter(this, operation);
  }

  /** Opens a scope inside the current one. */
  public static Scope open() {
    Scope scope = new Scope(false);
    scope.registration = Dropped.register(scope, scope.tensors);
    return scope;
  }

  /**
   * Runs {@code body} in a scope of its own; the tensors in its result move to the surrounding
   * scope, as {@link #keep} says.
   *
   * @throws TensorException if something in the result could hide tensors
   */
  public static <R extends @Nullable Object> R tidy(Supplier<R> body) {
    try (Scope scope = new Scope(false)) {
      return scope.keep(body.get());
    }
  }

  /** Runs {@code body} in a scope of its own. */
  public static void run(Runnable body) {
    try (var _ = new Scope(false)) {
      body.run();
    }
  }

  /**
   * Moves tensors born in this scope to the surrounding one, or out of all scopes if there is none
   * (then they live until they are closed or collected). Tensors born elsewhere stay where they
   * are.
   *
   * @param result a tensor, or tensors in records, collections, maps, arrays and {@link
   *     java.util.Optional}s, inside each other too, beside strings, numbers and other plain values
   * @return the result
   * @throws TensorException if it holds an object of another class, which could hide tensors, or a
   *     record whose package its Java module neither exports nor opens; nothing has been moved then
   */
  public <R extends @Nullable Object> R keep(R result) {
    if (result instanceof Tensor tensor) {
      move(tensor);
    } else {
      Results.tensors(result).forEach(this::move);
    }
    return result;
  }

  private void move(Tensor tensor) {
    if (tensor.scope == this && !closed) {
      thread.checkThread(OP);
      remove(tensor);
      adopt(parent, tensor);
    }
  }

  /**
   * Takes a tensor out of every scope, because an object now owns it and will close it: a
   * parameter, a running statistic. If the owner is dropped, the collector closes it.
   *
   * @return the tensor
   */
  public static Tensor escape(Tensor tensor) {
    Scope scope = tensor.scope;
    if (scope != null) {
      scope.thread.checkThread(OP);
      scope.remove(tensor);
      adopt(null, tensor);
    }
    return tensor;
  }

  static void adopt(@Nullable Scope scope, Tensor tensor) {
    if (scope == null) {
      tensor.leaveToCollector();
    } else if (!tensor.state().isClosed()) { // by another thread
      tensor.scope = scope;
      scope.tensors.add(tensor.state());
    }
  }

  /** Takes a tensor out of its scope: at once, or soon if that belongs to another thread. */
  static void forget(Tensor tensor) {
    Scope scope = tensor.scope;
    if (scope == null) {
      return;
    }
    if (scope.thread.isCurrentThread()) {
      scope.remove(tensor);
    } else {
      scope.tensors.removeLater(tensor.state());
    }
  }

  private void remove(Tensor tensor) {
    tensors.remove(tensor.state());
    tensor.scope = null;
  }

  /**
   * Closes every tensor born here and not kept. Closing twice does nothing.
   *
   * @throws TensorException from another thread; and if an inner scope was still open, after
   *     closing that one too, so that the thread's scopes are in order again
   */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    thread.checkThread(OP);
    boolean forgotten = false;
    for (Scope inner = thread.innermost(); inner != null && inner != this; ) {
      forgotten = true;
      inner.end();
      inner = thread.innermost();
    }
    end();
    Check.that(
        !forgotten,
        OP,
        "an inner scope was still open and has been closed too; open scopes in try (…)");
  }

  private void end() {
    closed = true;
    thread.leave(this);
    if (registration != null) {
      registration.cancel();
    }
    tensors.run();
  }
}
