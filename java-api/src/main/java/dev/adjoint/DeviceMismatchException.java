package dev.adjoint;

/** Tensors live on different devices. */
public final class DeviceMismatchException extends TensorException {
  private static final long serialVersionUID = 1L;

  /** With a message of the form {@code op: what, values, fix}. */
  public DeviceMismatchException(String message) {
    super(message);
  }
}
