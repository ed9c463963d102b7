package dev.adjoint.spi;

import dev.adjoint.TensorException;
import java.util.Locale;
import java.util.function.LongSupplier;

/** How many bytes the user allows each device: {@code -Dadjoint.memory=4g}. */
public final class MemoryLimit {
  /** A size: {@code 4g}, {@code 512m}, {@code 64k}, or bytes. */
  public static final String PROPERTY = "adjoint.memory";

  private static final String UNITS = "kmgt";

  private MemoryLimit() {}

  /**
   * What the property says, in bytes.
   *
   * @param otherwise used where it is not set
   * @throws TensorException if it is set to something that is no size
   */
  public static long configured(LongSupplier otherwise) {
    String size = System.getProperty(PROPERTY, "");
    return size.isEmpty() ? otherwise.getAsLong() : parse(size);
  }

  /**
   * A size in bytes.
   *
   * @throws TensorException if the text is no size
   */
  public static long parse(String size) {
    String text = size.strip().toLowerCase(Locale.ROOT);
    try {
      int unit = text.isEmpty() ? -1 : UNITS.indexOf(text.charAt(text.length() - 1));
      String digits = unit < 0 ? text : text.substring(0, text.length() - 1);
      long bytes = Math.multiplyExact(Long.parseLong(digits), 1L << (10 * (unit + 1)));
      if (bytes > 0) {
        return bytes;
      }
    } catch (NumberFormatException e) {
      // told below
    } catch (ArithmeticException e) {
      return Long.MAX_VALUE;
    }
    throw new TensorException(
        "memory: -D" + PROPERTY + "=" + size + " is not a size; write it as 4g, 512m or in bytes");
  }
}
