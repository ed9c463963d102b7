package dev.adjoint.graph;

import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import dev.adjoint.internal.TensorState;
import dev.adjoint.internal.Tensors;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/** A recorded operation: its inputs, what it saved, and its vector-Jacobian product. */
final class OpNode extends WalkedNode {
  private static final SavedValue[] SPENT = {};
  private static final VarHandle SAVED;

  static {
    try {
      SAVED = MethodHandles.lookup().findVarHandle(OpNode.class, "saved", SavedValue[].class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final String name;
  private final Shape[] shapes;
  private final @Nullable Node[] inputs;
  private final Shape[] inputShapes;
  private final VjpOfAll vjp;
  private volatile SavedValue[] saved;
  private volatile boolean spent;

  /**
   * Takes over holds on the inputs and on the saved storages.
   *
   * @param shapes of its results; with several, the results have {@link OutputNode}s
   */
  OpNode(
      String name,
      Shape[] shapes,
      @Nullable Node[] inputs,
      Shape[] inputShapes,
      SavedValue[] saved,
      VjpOfAll vjp) {
    this.name = name;
    this.shapes = shapes;
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
    return shapes[0];
  }

  /** The number of its results. */
  int results() {
    return shapes.length;
  }

  Shape shape(int result) {
    return shapes[result];
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
   * @param grads of the results, null for those that got none
   * @param pass takes those that are added at once, see {@link Saves#addTo}
   */
  @Nullable Tensor[] backward(
      @Nullable Tensor[] grads, boolean[] needed, boolean createGraph, BackwardPass pass) {
    if (spent) {
      throw spentException();
    }
    return vjp.apply(grads, new Saves(this, needed, createGraph, pass));
  }

  private TensorException spentException() {
    return new TensorException(
        name
            + ": backward a second time through this graph; its saved values were freed by the first."
            + " Use backward with retainGraph, or run the forward pass again");
  }

  Tensor unpack(int index, boolean createGraph) {
    SavedValue[] values = saved;
    if (values.length == 0 || !values[index].storage().tryRetain()) {
      throw spentException(); // by another thread, though one graph is walked by one at a time
    }
    SavedValue value = values[index];
    try {
      value.checkFresh(name);
    } catch (TensorException e) {
      value.storage().release();
      throw e;
    }
    Node node = null;
    if (createGraph && value.source() != SavedValue.CONSTANT) {
      int result = SavedValue.OUTPUT - value.source();
      node = result >= 0 ? this : inputs[value.source()];
      if (node != null && !node.tryRetain()) {
        value.storage().release();
        throw new IllegalStateException("a node died before its consumer");
      }
      if (result >= 0 && shapes.length > 1) {
        node = new OutputNode(this, result);
      }
    }
    return Tensors.wrap(new TensorState(value.storage(), value.layout(), value.dtype(), node));
  }

  /** After going backward once: frees what it saved. */
  void spend() {
    spent = saved.length > 0; // without saved values it may go backward again, as in PyTorch
    free();
  }

  @Override
  void free() {
    for (SavedValue value : (SavedValue[]) SAVED.getAndSet(this, SPENT)) { // released once
      value.storage().release();
    }
  }
}
