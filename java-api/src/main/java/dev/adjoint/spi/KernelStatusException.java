package dev.adjoint.spi;

import dev.adjoint.TensorException;

/**
 * A kernel refused its input: before writing anything or, on an {@linkplain Backend#isAsynchronous
 * asynchronous} backend, all rows that have it.
 */
public final class KernelStatusException extends TensorException {
  private static final long serialVersionUID = 1L;

  private final int status;

  /**
   * @param kernel the kernel's name
   * @param status what it answered; positive
   */
  public KernelStatusException(String kernel, int status) {
    super(
        kernel
            + ": "
            + (status == INDEX_OUT_OF_RANGE ? "an index is out of range" : "status " + status));
    this.status = status;
  }

  /** Status of gather, scatterAdd and cross-entropy for an index outside the table. */
  public static final int INDEX_OUT_OF_RANGE = 1;

  /** What the kernel answered. */
  public int status() {
    return status;
  }
}
