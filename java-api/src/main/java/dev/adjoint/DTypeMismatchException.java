package dev.adjoint;

/** Element types differ, or an operation is not defined for one. */
public final class DTypeMismatchException extends TensorException {
  private static final long serialVersionUID = 1L;

  /** With a message of the form {@code op: what, values, fix}. */
  public DTypeMismatchException(String message) {
    super(message);
  }
}
