package dev.adjoint.benchmarks;

/**
 * Something to be measured. Every {@link Peer} computes the same from the same inputs, so that
 * times and results can be compared.
 */
public sealed interface Case permits GemmCase, OpCase, StepCase, ProbeCase {
  /** Its name on the command line and in reports; {@link #parse} reads it. */
  String id();

  /** Multiplications and additions of its matrix products; 0 where there are none. */
  double operations();

  /** Bytes that must be read: each input of each pass once, as if nothing stayed in a cache. */
  double bytesRead();

  /** Bytes that must be written: each output of each pass once. */
  double bytesWritten();

  /** All bytes that must be moved. */
  default double bytes() {
    return bytesRead() + bytesWritten();
  }

  /** The runs after which {@link Workload#result} is compared. */
  default int runsToCompare() {
    return 1;
  }

  /**
   * The case with an {@link #id}.
   *
   * @throws IllegalArgumentException if there is none
   */
  static Case parse(String id) {
    try {
      if (GemmCase.isId(id)) {
        return GemmCase.parse(id);
      }
      if (ProbeCase.isId(id)) {
        return ProbeCase.parse(id);
      }
      return StepCase.isId(id) ? StepCase.parse(id) : OpCase.parse(id);
    } catch (RuntimeException e) {
      throw new IllegalArgumentException("no case is called '" + id + "'", e);
    }
  }
}
