package dev.adjoint.graph;

import dev.adjoint.Tensor;
import java.util.function.Consumer;

/** What a vector-Jacobian product may read; handed to it during the backward pass. */
public final class Saves {
  private final OpNode node;
  private final boolean[] needed;
  private final boolean createGraph;
  private final boolean intoLeaves;

  Saves(OpNode node, boolean[] needed, boolean createGraph, boolean intoLeaves) {
    this.node = node;
    this.needed = needed;
    this.createGraph = createGraph;
    this.intoLeaves = intoLeaves;
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
   * Where input {@code i} is a leaf that has a gradient by now, lets {@code addition} add the
   * contribution to it in place, which saves its memory and a pass over both. The result of the
   * product must then be null at {@code i}.
   *
   * @return false if there is no such gradient: nothing has been done
   */
  public boolean addTo(int i, Consumer<Tensor> addition) {
    return intoLeaves && node.inputs()[i] instanceof LeafNode leaf && leaf.addTo(addition);
  }

  /**
   * Whether the gradient itself is being recorded: then fused backward kernels must not be used.
   */
  public boolean createGraph() {
    return createGraph;
  }
}
