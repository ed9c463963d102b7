package dev.adjoint.benchmarks;

/** A case made ready in a process: memory taken, inputs filled, nothing left but to run. */
public interface Workload extends AutoCloseable {
  /** Computes once; a GPU may still be at it when this returns. */
  void run();

  /** Computes so many times; finished when it returns. */
  default void run(int times) {
    for (int i = 0; i < times; i++) {
      run();
    }
  }

  /** Of the last run, the values at {@link Inputs#places}: see the case for what they are. */
  double[] result();

  @Override
  void close();
}
