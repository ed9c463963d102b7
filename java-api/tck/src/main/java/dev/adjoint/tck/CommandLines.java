package dev.adjoint.tck;

import dev.adjoint.TensorException;
import dev.adjoint.io.DurableFiles;
import dev.adjoint.spi.Messages;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.FileSystemException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What the command lines of this project have in common, whatever parses them: paths among the
 * arguments, and failures, which are told in one line.
 */
public final class CommandLines {
  private CommandLines() {}

  /**
   * A path that a user wrote. An empty one would be the current folder: whoever gives one has an
   * empty variable.
   *
   * @param refusal makes the exception for text that is none, out of its message
   */
  public static <E extends Exception> Path path(String argument, Function<String, E> refusal)
      throws E {
    if (argument.isEmpty()) {
      throw refusal.apply("a path must not be empty");
    }
    try {
      return Path.of(argument);
    } catch (InvalidPathException e) {
      throw refusal.apply(message(e));
    }
  }

  /**
   * Tells a failure.
   *
   * @param withTrace whether to show where it was; {@code ADJOINT_DEBUG} in the environment does,
   *     too
   */
  public static void report(PrintWriter err, String message, Throwable failure, boolean withTrace) {
    err.println("adjoint: " + Messages.oneLine(message));
    if (withTrace || System.getenv("ADJOINT_DEBUG") != null) {
      failure.printStackTrace(err);
    }
  }

  /** Tells what is wrong with the arguments of a command, and not all that would be right. */
  public static void reportUsage(PrintWriter err, @Nullable String message, String command) {
    String line = Messages.oneLine(String.valueOf(message));
    err.println("adjoint: " + line + " (see '" + command + " --help')");
  }

  /** What went wrong, in words if it can be the user's or the machine's fault. */
  public static String message(Throwable failure) {
    return switch (failure) {
      case TensorException known -> String.valueOf(known.getMessage());
      case UncheckedIOException io when io.getCause() != null -> fileMessage(io.getCause());
      case IOException io -> fileMessage(io);
      case InvalidPathException path -> invalidPath(path);
      case OutOfMemoryError full -> heapMessage(full);
      default -> "internal error: " + failure + " (ADJOINT_DEBUG=1 shows where)";
    };
  }

  private static String heapMessage(OutOfMemoryError full) {
    return "memory: "
        + full.getMessage()
        + "; Java has a heap of "
        + (Runtime.getRuntime().maxMemory() >> 20)
        + " MB, ADJOINT_JAVA_OPTS=-Xmx8g allows more";
  }

  private static String invalidPath(InvalidPathException e) {
    return Messages.quoted(e.getInput())
        + " cannot be the name of a file: "
        + e.getReason()
        + " (file names are in "
        + System.getProperty("sun.jnu.encoding")
        + " here; LC_ALL=C.UTF-8 allows all letters)";
  }

  /** With the file's name; the exceptions' own messages are hardly more than that. */
  private static String fileMessage(IOException e) {
    String reason = DurableFiles.reason(e);
    return e instanceof FileSystemException known && known.getFile() != null
        ? known.getFile() + ": " + reason
        : reason;
  }
}
