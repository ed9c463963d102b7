package dev.adjoint.cli;

import org.jspecify.annotations.Nullable;

/** A command cannot do what was asked. The message is all that the user sees: one clear line. */
final class CommandException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  CommandException(String message) {
    this(message, null);
  }

  CommandException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
