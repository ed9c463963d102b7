package dev.adjoint.spi;

/** A recorded list of kernel calls that a backend can run again as one unit. */
public interface Replay extends AutoCloseable {
  /**
   * Runs the calls in order; stops at the first that fails. An {@linkplain Backend#isAsynchronous
   * asynchronous} backend enqueues them as one.
   *
   * @throws KernelStatusException naming the call that failed
   */
  void run();

  /** Frees what the recording holds; not the tensors it works on. */
  @Override
  void close();
}
