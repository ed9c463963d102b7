package dev.adjoint.spi;

import dev.adjoint.TensorException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The library's system properties, {@code -Dadjoint.…}. Each call reads anew, so that a wrong value
 * is told each time it is used, in one sentence with the values that are allowed. An empty value
 * counts as none.
 */
public final class Settings {
  private Settings() {}

  /** A property's value; empty where it is not set. */
  public static String text(String name) {
    return System.getProperty(name, "");
  }

  /**
   * Whether a property is {@code true}; where it is not set, it is not.
   *
   * @throws TensorException if it is neither {@code true} nor {@code false}
   */
  public static boolean flag(String name) {
    return choice(name, "false", "true").equals("true");
  }

  /**
   * One of several words.
   *
   * @param otherwise the value where the property is not set; it may be written too, unless it is
   *     empty
   * @param more the other words
   * @throws TensorException if it is none of these
   */
  public static String choice(String name, String otherwise, String... more) {
    String value = text(name);
    if (value.isEmpty() || value.equals(otherwise)) {
      return otherwise;
    }
    if (!List.of(more).contains(value)) {
      String words = String.join(" or ", more);
      throw refusal(name, otherwise.isEmpty() ? words : otherwise + " or " + words);
    }
    return value;
  }

  /**
   * A file or folder; null where the property is not set.
   *
   * @throws TensorException if the text cannot be a path
   */
  public static @Nullable Path path(String name) {
    String value = text(name);
    try {
      return value.isEmpty() ? null : Path.of(value);
    } catch (InvalidPathException e) {
      throw refusal(name, "a path that this system can write (" + e.getReason() + ")");
    }
  }

  /**
   * A folder; null where the property is not set.
   *
   * @throws TensorException if there is no such folder
   */
  public static @Nullable Path folder(String name) {
    Path folder = path(name);
    if (folder != null && !Files.isDirectory(folder)) {
      throw refusal(name, "a folder that is there");
    }
    return folder;
  }

  /** What to throw for a value that is not allowed. */
  public static TensorException refusal(String name, String allowed) {
    return new TensorException(
        "settings: -D" + name + "=" + Messages.oneLine(text(name)) + "; it must be " + allowed);
  }
}
