package dev.adjoint.spi;

/** Text from outside, such as arguments, names and files' contents, as a part of messages. */
public final class Messages {
  /** Longer ones are cut: no message needs more to be understood. */
  private static final int LONGEST = 1000;

  private static final int LONGEST_QUOTED = 100;

  private Messages() {}

  /** A whole message in one line; of a long one the middle is left out. */
  public static String oneLine(String text) {
    if (text.length() <= LONGEST) {
      return shown(text);
    }
    int half = LONGEST / 2;
    return shown(text.substring(0, half))
        + " [… "
        + (text.length() - 2 * half)
        + " characters …] "
        + shown(text.substring(text.length() - half));
  }

  /** A name or a part of a file, in quotes; of a longer one the beginning and its length. */
  public static String quoted(String text) {
    return text.length() <= LONGEST_QUOTED
        ? "'" + shown(text) + "'"
        : "'" + shown(text.substring(0, LONGEST_QUOTED)) + "…' (" + text.length() + " characters)";
  }

  /**
   * Control characters and whatever else would move the cursor, turn the line around or not show,
   * as their numbers.
   */
  private static String shown(String text) {
    StringBuilder line = new StringBuilder(text.length());
    text.codePoints()
        .forEach(
            point -> {
              switch (point) {
                case '\n' -> line.append("\\n");
                case '\r' -> line.append("\\r");
                case '\t' -> line.append("\\t");
                default -> {
                  if (isVisible(point)) {
                    line.appendCodePoint(point);
                  } else {
                    line.append("\\u{").append(Integer.toHexString(point)).append('}');
                  }
                }
              }
            });
    return line.toString();
  }

  private static boolean isVisible(int point) {
    return switch (Character.getType(point)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR,
          Character.PRIVATE_USE,
          Character.SURROGATE,
          Character.UNASSIGNED ->
          false;
      default -> true;
    };
  }
}
