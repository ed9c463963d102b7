package dev.adjoint.graph;

import dev.adjoint.Tensor;

/** What a vector-Jacobian product may read; handed to it during the backward pass. */
public final class Saves {
  private final OpNode node;
  private final boolean[] needed;
  private final boolean createGraph;

  Saves(OpNode node, boolean[] needed, boolean createGraph) {
    this.node = node;
    this.needed = needed;
    this.createGraph = createGraph;
  }

  /** Whether the gradient of input {@code i} is wanted. */
  public boolean needs(int i) {
    return needed[i];
  }

  /**
   * The {@code i}-th saved value; part of the graph when a gradient of the gradient is wanted.
   *
   * @throws dev.adjoint.TensorException if it was changed in place since
   */
  public Tensor get(int i) {
    return node.unpack(i, createGraph);
  }

  /**
   * Whether the gradient itself is being recorded: then fused backward kernels must not be used.
   */
  public boolean createGraph() {
    return createGraph;
  }
}
