package dev.adjoint.graph;

import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import dev.adjoint.internal.TensorState;
import dev.adjoint.internal.Tensors;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** A recorded operation: its inputs, what it saved, and its vector-Jacobian product. */
final class OpNode extends Node {
  private static final AtomicLong NEXT = new AtomicLong();
  private static final SavedValue[] SPENT = {};

  /** Later operations have larger numbers, so descending order is a topological order. */
  final long sequence = NEXT.getAndIncrement();

  private final String name;
  private final Shape shape;
  private final @Nullable Node[] inputs;
  private final Shape[] inputShapes;
  private final Vjp vjp;
  private volatile SavedValue[] saved;
  private boolean spent;

  /** Takes over holds on the inputs and on the saved storages. */
  OpNode(
      String name,
      Shape shape,
      @Nullable Node[] inputs,
      Shape[] inputShapes,
      SavedValue[] saved,
      Vjp vjp) {
    this.name = name;
    this.shape = shape;
    this.inputs = inputs;
    this.inputShapes = inputShapes;
    this.saved = saved;
    this.vjp = vjp;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  Shape shape() {
    return shape;
  }

  @Override
  @Nullable Node[] inputs() {
    return inputs;
  }

  Shape inputShape(int i) {
    return inputShapes[i];
  }

  /**
   * The gradients of the inputs, not yet summed to their shapes.
   *
   * @param intoLeaves whether they may be added to those of leaves at once, see {@link Saves#addTo}
   */
  @Nullable Tensor[] backward(
      Tensor grad, boolean[] needed, boolean createGraph, boolean intoLeaves) {
    if (spent) {
      throw new TensorException(
          name
              + ": backward a second time through this graph; its saved values were freed by the first."
              + " Use backward with retainGraph, or run the forward pass again");
    }
    return vjp.apply(grad, new Saves(this, needed, createGraph, intoLeaves));
  }

  Tensor unpack(int index, boolean createGraph) {
    SavedValue value = saved[index];
    value.checkFresh(name);
    Node node = null;
    if (createGraph && value.source() != SavedValue.CONSTANT) {
      node = value.source() == SavedValue.OUTPUT ? this : inputs[value.source()];
      if (node != null && !node.tryRetain()) {
        throw new IllegalStateException("a node died before its consumer");
      }
    }
    value.storage().retain();
    return Tensors.wrap(new TensorState(value.storage(), value.layout(), value.dtype(), node));
  }

  /** After going backward once: frees what it saved. */
  void spend() {
    spent = saved.length > 0; // without saved values it may go backward again, as in PyTorch
    free();
  }

  @Override
  void free() {
    SavedValue[] values = saved;
    saved = SPENT;
    for (SavedValue value : values) {
      value.storage().release();
    }
  }
}
