package dev.adjoint;

/** An index, axis or class number is outside its range. */
public final class IndexOutOfRangeException extends TensorException {
  private static final long serialVersionUID = 1L;

  /** With a message of the form {@code op: what, values, fix}. */
  public IndexOutOfRangeException(String message) {
    super(message);
  }
}
