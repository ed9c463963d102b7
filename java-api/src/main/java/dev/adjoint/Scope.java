package dev.adjoint;

import dev.adjoint.internal.ThreadState;
import java.util.List;
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
 */
public final class Scope implements AutoCloseable {
  private final ThreadState thread;
  private final @Nullable Scope parent;
  private final Thread owner = Thread.currentThread();
  private @Nullable Tensor first;
  private boolean closed;

  private Scope(ThreadState thread) {
    this.thread = thread;
    this.parent = thread.scope;
    thread.scope = this;
  }

  /** Opens a scope inside the current one. */
  public static Scope open() {
    return new Scope(ThreadState.current());
  }

  /** Runs {@code body} in a scope of its own; its result moves to the surrounding scope. */
  public static Tensor tidy(Supplier<Tensor> body) {
    try (Scope scope = open()) {
      return scope.keep(body.get());
    }
  }

  /**
   * Runs {@code body} in a scope of its own; the tensors it returns move to the surrounding scope.
   */
  public static List<Tensor> tidyAll(Supplier<List<Tensor>> body) {
    try (Scope scope = open()) {
      List<Tensor> results = body.get();
      results.forEach(scope::keep);
      return results;
    }
  }

  /** Runs {@code body} in a scope of its own. */
  public static void run(Runnable body) {
    try (var _ = open()) {
      body.run();
    }
  }

  /**
   * Moves a tensor born in this scope to the surrounding one, or out of all scopes if there is none
   * (then it lives until it is closed or collected). A tensor born elsewhere stays where it is.
   *
   * @return the tensor
   */
  public Tensor keep(Tensor tensor) {
    checkThread();
    if (tensor.scope == this) {
      remove(tensor);
      adopt(parent, tensor);
    }
    return tensor;
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
      scope.checkThread();
      scope.remove(tensor);
      adopt(null, tensor);
    }
    return tensor;
  }

  static void adopt(@Nullable Scope scope, Tensor tensor) {
    if (scope == null) {
      tensor.registerCleaner();
      return;
    }
    tensor.scope = scope;
    tensor.nextInScope = scope.first;
    if (scope.first != null) {
      scope.first.previousInScope = tensor;
    }
    scope.first = tensor;
  }

  /** Unlinks a tensor that is being closed; on another thread the scope itself will do it. */
  static void forget(Tensor tensor) {
    Scope scope = tensor.scope;
    if (scope != null && scope.owner == Thread.currentThread()) {
      scope.remove(tensor);
    }
  }

  private void remove(Tensor tensor) {
    if (tensor.previousInScope != null) {
      tensor.previousInScope.nextInScope = tensor.nextInScope;
    } else {
      first = tensor.nextInScope;
    }
    if (tensor.nextInScope != null) {
      tensor.nextInScope.previousInScope = tensor.previousInScope;
    }
    tensor.previousInScope = null;
    tensor.nextInScope = null;
    tensor.scope = null;
  }

  private void checkThread() {
    if (owner != Thread.currentThread()) {
      throw new TensorException(
          "scope: belongs to thread '"
              + owner.getName()
              + "' and cannot be used from '"
              + Thread.currentThread().getName()
              + "'");
    }
  }

  /**
   * Closes every tensor born here and not kept. Closing twice does nothing.
   *
   * @throws TensorException from another thread; and if an inner scope was still open, after
   *     closing that one too, so that the thread's scopes are in order again
   */
  @Override
  public void close() {
    checkThread();
    if (closed) {
      return;
    }
    boolean forgotten = false;
    for (Scope inner = thread.scope; inner != null && inner != this; inner = thread.scope) {
      forgotten = true;
      inner.end();
    }
    end();
    if (forgotten) {
      throw new TensorException(
          "scope: an inner scope was still open and has been closed too; open scopes in try (…)");
    }
  }

  private void end() {
    closed = true;
    thread.scope = parent;
    for (Tensor tensor = first; tensor != null; tensor = first) {
      tensor.close();
    }
  }
}
