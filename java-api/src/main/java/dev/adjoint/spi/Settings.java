package dev.adjoint.spi;

import dev.adjoint.TensorException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The library's system properties, {@code -Dadjoint.…}. Each call reads anew, so that a wrong value
 * is told each time it is used, in one sentence with the values that are allowed. An empty value
 * counts as none.
 */
public final class Settings {
  /** Of 2^10, 2^20, … bytes. */
  private static final String UNITS = "kmgt";

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

  /**
   * A number of things, at least 1.
   *
   * @param otherwise the number where the property is not set
   * @param allowed what it may be, for the message
   * @throws TensorException if it is no such number
   */
  public static long count(String name, long otherwise, String allowed) {
    String value = text(name);
    if (value.isEmpty()) {
      return otherwise;
    }
    try {
      long count = Long.parseLong(value);
      if (count >= 1) {
        return count;
      }
    } catch (NumberFormatException e) {
      // told below
    }
    throw refusal(name, allowed);
  }

  /**
   * A size in bytes, written as {@code 4g}, {@code 512m}, {@code 64k} or in bytes; one that does
   * not fit a long is the largest that does.
   *
   * @param otherwise the size where the property is not set
   * @throws TensorException if it is no size
   */
  public static long size(String name, LongSupplier otherwise) {
    if (text(name).isEmpty()) {
      return otherwise.getAsLong();
    }
    String value = text(name).strip().toLowerCase(Locale.ROOT);
    try {
      int unit = value.isEmpty() ? -1 : UNITS.indexOf(value.charAt(value.length() - 1));
      String digits = unit < 0 ? value : value.substring(0, value.length() - 1);
      long bytes = Math.multiplyExact(Long.parseLong(digits), 1L << (10 * (unit + 1)));
      if (bytes > 0) {
        return bytes;
      }
    } catch (NumberFormatException e) {
      // told below
    } catch (ArithmeticException e) {
      return Long.MAX_VALUE;
    }
    throw refusal(name, "a size, written as 4g, 512m or in bytes");
  }

  /** What to throw for a value that is not allowed. */
  public static TensorException refusal(String name, String allowed) {
    return new TensorException(
        "settings: -D" + name + "=" + Messages.oneLine(text(name)) + "; it must be " + allowed);
  }
}
