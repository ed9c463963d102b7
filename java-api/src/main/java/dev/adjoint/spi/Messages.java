package dev.adjoint.spi;

import java.util.HexFormat;

/** Text from outside, such as arguments, names and files' contents, as a part of messages. */
public final class Messages {
  /** Longer ones are cut: no message needs more to be understood. */
  private static final int LONGEST = 1000;

  private Messages() {}

  /**
   * The text in one line: control characters and whatever else would move the cursor or the rest of
   * the line are written as Java escapes them, and of a long text the middle is left out.
   */
  public static String oneLine(String text) {
    if (text.length() <= LONGEST) {
      return escape(text);
    }
    int half = LONGEST / 2;
    int omitted = text.length() - 2 * half;
    return escape(text.substring(0, half))
        + " [… "
        + omitted
        + " characters …] "
        + escape(text.substring(text.length() - half));
  }

  private static String escape(String text) {
    StringBuilder line = new StringBuilder(text.length());
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '\n' -> line.append("\\n");
        case '\r' -> line.append("\\r");
        case '\t' -> line.append("\\t");
        default -> {
          if (isVisible(text, i)) {
            line.append(c);
          } else {
            line.append("\\u").append(hex(c));
          }
        }
      }
    }
    return line.toString();
  }

  /** Whether a unit is a part of a character that shows as itself. */
  private static boolean isVisible(String text, int i) {
    char c = text.charAt(i);
    if (Character.isHighSurrogate(c)) {
      return i + 1 < text.length() && Character.isLowSurrogate(text.charAt(i + 1));
    }
    if (Character.isLowSurrogate(c)) {
      return i > 0 && Character.isHighSurrogate(text.charAt(i - 1));
    }
    return switch (Character.getType(c)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR,
          Character.UNASSIGNED ->
          false;
      default -> true;
    };
  }

  private static String hex(char c) {
    return HexFormat.of().withUpperCase().toHexDigits(c);
  }
}
