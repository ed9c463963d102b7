package dev.adjoint.benchmarks;

import java.util.Optional;
import java.util.OptionalLong;

/** A library in the process that runs it. Used by one thread. */
public interface Peer extends AutoCloseable {
  /** The library's version, and what it says of itself that matters for its speed. */
  String version();

  /** Makes a case ready; empty if the library has no such thing. */
  Optional<Workload> prepare(Case c);

  /**
   * Whether a run is only handed over, to a GPU or to another process: then many are, before they
   * are waited for.
   */
  default boolean isAsynchronous() {
    return false;
  }

  /**
   * The rate of a probe of {@link Limits#GPU_PROBES}.
   *
   * @param probe its name
   * @param seconds for how long to look, about
   * @return operations or bytes per second
   */
  default double ceiling(String probe, double seconds) {
    throw new UnsupportedOperationException(version() + " has no probe " + probe);
  }

  /** The most memory that it had so far, in bytes; empty if that is the process's own. */
  default OptionalLong peakBytes() {
    return OptionalLong.empty();
  }

  /** Gives back memory that it keeps for later, after a case is over; where it can. */
  default void trim() {}

  @Override
  void close();
}
