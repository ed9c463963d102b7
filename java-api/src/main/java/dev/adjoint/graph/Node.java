package dev.adjoint.graph;

import dev.adjoint.internal.GraphNode;
import dev.adjoint.internal.TensorState;
import dev.adjoint.Shape;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * Something that gradients flow to. Handles and the nodes computed from it hold one count each; the
 * last release frees it and everything that only it held, without recursion.
 */
public abstract class Node implements GraphNode {
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

  /** The node of a tensor; null if no gradient of it is wanted. */
  public static @Nullable Node of(TensorState state) {
    return (Node) state.node();
  }

  /** The node of a tensor with a hold for the caller; see {@link TensorState#retainNode}. */
  static @Nullable Node retain(TensorState state) {
    return (Node) state.retainNode();
  }

  /** Does nothing unless it is a leaf. */
  @Override
  public void abandon(TensorState by) {}

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

  @Override
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

  /** Frees the chain behind it, too, if this was the last hold. */
  @Override
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
