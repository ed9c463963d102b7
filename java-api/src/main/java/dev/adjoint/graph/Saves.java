package dev.adjoint.graph;

import dev.adjoint.Tensor;
import java.util.function.Consumer;

/** What a vector-Jacobian product may read; handed to it during the backward pass. */
public final class Saves {
  private final OpNode node;
  private final boolean[] needed;
  private final boolean createGraph;
  private final BackwardPass pass;

  Saves(OpNode node, boolean[] needed, boolean createGraph, BackwardPass pass) {
    this.node = node;
    this.needed = needed;
    this.createGraph = createGraph;
    this.pass = pass;
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
   * Where a gradient has arrived at input {@code i} already, lets {@code addition} add the
   * contribution to it in place, which saves its memory and a pass over both. The result of the
   * product must then be null at {@code i}.
   *
   * @param addition adds to the tensor that it is given, dense and of the input's shape; allocates
   *     scratch at most, since the gradient may be locked
   * @return false if there is no such gradient: nothing has been done
   */
  public boolean addTo(int i, Consumer<Tensor> addition) {
    Node input = node.inputs()[i];
    return input != null && pass.addTo(input, addition);
  }

  /**
   * Whether the gradient itself is being recorded: then fused backward kernels must not be used.
   */
  public boolean createGraph() {
    return createGraph;
  }
}
