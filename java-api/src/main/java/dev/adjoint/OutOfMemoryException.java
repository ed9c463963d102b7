package dev.adjoint;

/** The memory budget of a device is used up; the message lists the largest live tensors. */
public final class OutOfMemoryException extends TensorException {
  private static final long serialVersionUID = 1L;

  /** With a message of the form {@code op: what, values, fix}. */
  public OutOfMemoryException(String message) {
    super(message);
  }
}
