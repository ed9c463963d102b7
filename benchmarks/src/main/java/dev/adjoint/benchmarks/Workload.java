package dev.adjoint.benchmarks;

/** A case made ready in a process: memory taken, inputs filled, nothing left but to run. */
public interface Workload extends AutoCloseable {
  /** Computes once; finished when it returns. */
  void run();

  /** Of the last run, the values at {@link Inputs#places}: see the case for what they are. */
  double[] result();

  @Override
  void close();
}
