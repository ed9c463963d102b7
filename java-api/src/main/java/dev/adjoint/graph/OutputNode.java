package dev.adjoint.graph;

import dev.adjoint.Shape;
import org.jspecify.annotations.Nullable;

/** One of several results of an operation: hands its gradient on to the operation. */
final class OutputNode extends WalkedNode {
  private final OpNode operation;
  private final int index;
  private final Node[] inputs;

  /** Takes over a hold on the operation. */
  OutputNode(OpNode operation, int index) {
    this.operation = operation;
    this.index = index;
    this.inputs = new Node[] {operation};
  }

  OpNode operation() {
    return operation;
  }

  int index() {
    return index;
  }

  @Override
  public String name() {
    return operation.name();
  }

  @Override
  Shape shape() {
    return operation.shape(index);
  }

  @Override
  @Nullable Node[] inputs() {
    return inputs;
  }

  @Override
  void free() {}
}
