package dev.adjoint.internal;

/** What a tensor's gradient flows to, as far as its handle has to do with it. */
public interface GraphNode {
  /** Takes a hold unless the last one is gone already. */
  boolean tryRetain();

  /** Lets go. */
  void release();

  /** The tensor is closed or wants no gradient any more. */
  void abandon(TensorState by);
}
