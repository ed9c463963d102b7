package dev.adjoint.graph;

import dev.adjoint.Shape;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * Something that gradients flow to. Handles and the nodes computed from it hold one count each; the
 * last release frees it and everything that only it held, without recursion.
 */
public abstract class Node {
  private static final VarHandle COUNT;
  private static final Node[] NONE = {};

  static {
    try {
      COUNT = MethodHandles.lookup().findVarHandle(Node.class, "count", int.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private volatile int count = 1;

  Node() {}

  /** What messages call it: the operation's name, or {@code leaf}. */
  public abstract String name();

  /** The shape of the gradient it takes. */
  abstract Shape shape();

  /** The nodes that gradients flow on to; null entries need none. */
  @Nullable Node[] inputs() {
    return NONE;
  }

  /** Frees what it saved, when nobody can go backward through it any more. */
  abstract void free();

  /** Takes a hold unless the last one is gone already. */
  public final boolean tryRetain() {
    int seen = count;
    while (seen > 0) {
      int witness = (int) COUNT.compareAndExchange(this, seen, seen + 1);
      if (witness == seen) {
        return true;
      }
      seen = witness;
    }
    return false;
  }

  private boolean drop() {
    int before = (int) COUNT.getAndAdd(this, -1);
    if (before <= 0) {
      throw new IllegalStateException(name() + ": a node was released more often than retained");
    }
    return before == 1;
  }

  /** Lets go; frees the chain behind it if this was the last hold. */
  public final void release() {
    if (!drop()) {
      return;
    }
    ArrayDeque<Node> dead = null;
    Node node = this;
    while (node != null) {
      node.free();
      for (Node input : node.inputs()) {
        if (input != null && input.drop()) {
          if (dead == null) {
            dead = new ArrayDeque<>();
          }
          dead.push(input);
        }
      }
      node = dead == null ? null : dead.poll();
    }
  }
}
