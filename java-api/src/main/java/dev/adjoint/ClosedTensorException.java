package dev.adjoint;

/** A tensor was used after it had been closed. */
public final class ClosedTensorException extends TensorException {
  private static final long serialVersionUID = 1L;

  /** With a message of the form {@code op: what, values, fix}. */
  public ClosedTensorException(String message) {
    super(message);
  }
}
