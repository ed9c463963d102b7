package dev.adjoint.graph;

import dev.adjoint.ClosedTensorException;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.internal.Tensors;
import dev.adjoint.internal.ThreadState;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Recording: what every operation calls once its kernel has run. */
public final class Graph {
  private static final Tensor[] NOTHING = {};

  private Graph() {}

  /** For {@link #record} when nothing is saved. */
  public static Tensor[] nothing() {
    return NOTHING;
  }

  /**
   * Whether an operation on these inputs is recorded.
   *
   * @throws ClosedTensorException if that cannot be told, since one of them is closed
   */
  public static boolean records(@Nullable Tensor... inputs) {
    if (ThreadState.isGradOff()) {
      return false;
    }
    for (Tensor input : inputs) {
      if (input != null && Tensors.state(input).hasNode()) {
        return true;
      }
    }
    return false;
  }

  /**
   * Makes {@code out} the result of an operation, if one of its inputs wants a gradient.
   *
   * @param out what the kernel wrote; a leaf without gradient so far
   * @param inputs in the order of the gradients that {@code vjp} returns; null entries are
   *     constants
   * @param saved inputs, {@code out} itself, or other tensors that {@code vjp} reads
   * @return out
   */
  public static Tensor record(
      String name, Tensor out, @Nullable Tensor[] inputs, Tensor[] saved, Vjp vjp) {
    OpNode node =
        node(
            name,
            new Tensor[] {out},
            inputs,
            saved,
            (grads, saves) -> vjp.apply(Objects.requireNonNull(grads[0]), saves));
    if (node != null) {
      Tensors.state(out).setNode(node);
    }
    return out;
  }

  /**
   * Makes {@code outs} the results of one operation, if one of its inputs wants a gradient. Results
   * of types that are not floating have no gradient.
   *
   * @param outs what the kernels wrote, two or more; leaves without gradient so far
   * @param inputs in the order of the gradients that {@code vjp} returns; null entries are
   *     constants
   * @param saved inputs, {@code outs} themselves, or other tensors that {@code vjp} reads
   */
  public static void recordAll(
      String name, Tensor[] outs, @Nullable Tensor[] inputs, Tensor[] saved, VjpOfAll vjp) {
    OpNode node = node(name, outs, inputs, saved, vjp);
    if (node == null) {
      return;
    }
    for (int i = 0; i < outs.length; i++) {
      if (outs[i].dtype().isFloating() && node.tryRetain()) {
        Tensors.state(outs[i]).setNode(new OutputNode(node, i));
      }
    }
    node.release(); // the results hold it
  }

  /** The node of an operation, with one hold; null if nothing is recorded. */
  private static @Nullable OpNode node(
      String name, Tensor[] outs, @Nullable Tensor[] inputs, Tensor[] saved, VjpOfAll vjp) {
    if (ThreadState.isGradOff()) {
      return null;
    }
    @Nullable Node[] nodes = new Node[inputs.length];
    Shape[] shapes = new Shape[inputs.length];
    SavedValue[] values = new SavedValue[saved.length];
    try {
      boolean wanted = false;
      for (int i = 0; i < inputs.length; i++) {
        Tensor input = inputs[i];
        nodes[i] = input == null ? null : Node.retain(Tensors.state(input));
        shapes[i] = input == null ? Shape.scalar() : input.shape();
        wanted |= nodes[i] != null;
      }
      if (!wanted) {
        return null;
      }
      RecordingElsewhere.check(name);
      for (int i = 0; i < saved.length; i++) {
        values[i] = SavedValue.of(Tensors.state(saved[i]), source(saved[i], outs, inputs));
      }
    } catch (RuntimeException e) {
      letGo(nodes, values); // closed by another thread meanwhile, for example
      throw e;
    }
    Shape[] results = new Shape[outs.length];
    for (int i = 0; i < outs.length; i++) {
      results[i] = outs[i].shape();
    }
    return new OpNode(name, results, nodes, shapes, values, vjp);
  }

  private static void letGo(@Nullable Node[] nodes, @Nullable SavedValue[] values) {
    for (Node node : nodes) {
      if (node != null) {
        node.release();
      }
    }
    for (SavedValue value : values) {
      if (value != null) {
        value.storage().release();
      }
    }
  }

  private static int source(Tensor saved, Tensor[] outs, @Nullable Tensor[] inputs) {
    for (int i = 0; i < outs.length; i++) {
      if (outs[i] == saved) {
        return SavedValue.OUTPUT - i;
      }
    }
    for (int i = 0; i < inputs.length; i++) {
      if (inputs[i] == saved) {
        return i;
      }
    }
    return SavedValue.CONSTANT;
  }

  /** The same tensor as a result of its own, so that a gradient can be asked with respect to it. */
  public static Tensor identity(Tensor x) {
    Tensor out = Tensors.alias(x, Tensors.layout(x));
    return record("identity", out, new Tensor[] {x}, NOTHING, (grad, saves) -> new Tensor[] {grad});
  }
}
