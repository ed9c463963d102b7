package dev.adjoint;

/** Two shapes, or a shape and an argument, do not fit each other. */
public final class ShapeMismatchException extends TensorException {
  private static final long serialVersionUID = 1L;

  /** With a message of the form {@code op: what, values, fix}. */
  public ShapeMismatchException(String message) {
    super(message);
  }
}
