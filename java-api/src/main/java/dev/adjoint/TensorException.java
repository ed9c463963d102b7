package dev.adjoint;

import org.jspecify.annotations.Nullable;

/**
 * Something asked of a tensor cannot be done. The message names the operation, the values and,
 * where it is certain, the fix.
 */
public class TensorException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** With a message of the form {@code op: what, values, fix}. */
  public TensorException(String message) {
    super(message);
  }

  /** With a message and what caused it. */
  public TensorException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
