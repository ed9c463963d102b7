package dev.adjoint.benchmarks;

import java.util.Optional;

/** A library in the process that runs it. Used by one thread. */
public interface Peer extends AutoCloseable {
  /** The library's version, and what it says of itself that matters for its speed. */
  String version();

  /** Makes a case ready; empty if the library has no such thing. */
  Optional<Workload> prepare(Case c);

  /** Gives back memory that it keeps for later, after a case is over; where it can. */
  default void trim() {}

  @Override
  void close();
}
