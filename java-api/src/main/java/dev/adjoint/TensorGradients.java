package dev.adjoint;

import dev.adjoint.graph.BackwardPass;
import dev.adjoint.graph.LeafNode;
import dev.adjoint.graph.Node;
import dev.adjoint.internal.Check;
import dev.adjoint.internal.TensorState;
import dev.adjoint.internal.Tensors;
import org.jspecify.annotations.Nullable;

/** Automatic differentiation. Part of {@link Tensor}. */
public sealed interface TensorGradients permits Tensor {
  /** Whether gradients flow through it. */
  default boolean requiresGrad() {
    return state().node() != null;
  }

  /** Whether it was made by the user rather than by a recorded operation. */
  default boolean isLeaf() {
    Node node = Node.of(state());
    return node == null || node instanceof LeafNode;
  }

  /** The operation that made it, for messages; null for a leaf. */
  default @Nullable String gradFn() {
    Node node = Node.of(state());
    return node == null || node instanceof LeafNode ? null : node.name();
  }

  /**
   * Makes a leaf want a gradient, or no longer want one (then its gradient is dropped).
   *
   * @throws DTypeMismatchException if it is of no floating type
   * @throws TensorException if it is the result of a recorded operation
   */
  default Tensor requiresGrad_(boolean wanted) {
    if (wanted) {
      Check.floating("requiresGrad_", self());
    }
    Check.that(isLeaf(), "requiresGrad_", "only a leaf can be changed; use detach() first");
    if (state().isClosed()) {
      throw state().closedException();
    }
    if (wanted != requiresGrad()) {
      state().setNode(wanted ? new LeafNode(state()) : null);
    }
    return self();
  }

  /**
   * The gradient that backward passes have added up in this leaf, or null. It belongs to the leaf:
   * do not close it.
   */
  default @Nullable Tensor grad() {
    return state().node() instanceof LeafNode leaf ? leaf.grad() : null;
  }

  /** Drops the gradient. */
  default void zeroGrad() {
    if (state().node() instanceof LeafNode leaf) {
      leaf.setGrad(null);
    }
  }

  /** Adds the gradient of this scalar to every leaf behind it; frees the graph's saved values. */
  default void backward() {
    BackwardPass.accumulate(self(), null, false, false);
  }

  /**
   * Adds gradients to every leaf behind this tensor.
   *
   * @param gradient what to start from, of this tensor's shape; null for 1, if it is a scalar
   * @param retainGraph whether backward may be called again
   * @param createGraph whether the gradients are themselves part of a graph, for higher derivatives
   * @throws TensorException if nothing behind it requires a gradient, if its saved values are
   *     freed, or if one of them was changed in place
   */
  default void backward(@Nullable Tensor gradient, boolean retainGraph, boolean createGraph) {
    BackwardPass.accumulate(self(), gradient, retainGraph, createGraph);
  }

  private Tensor self() {
    return (Tensor) this;
  }

  private TensorState state() {
    return Tensors.state(self());
  }
}
