package dev.adjoint.graph;

import java.util.concurrent.atomic.AtomicLong;

/** A node that the backward walk visits once, when all its gradient has arrived. */
abstract class WalkedNode extends Node {
  private static final AtomicLong NEXT = new AtomicLong();

  /** Later operations have larger numbers, so descending order is a topological order. */
  final long sequence = NEXT.getAndIncrement();
}
