package dev.adjoint.benchmarks;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Writes JSON (RFC 8259): maps, lists, strings, numbers; what is not finite becomes null. */
final class Json {
  private static final MathContext SIX_DIGITS = new MathContext(6);

  private Json() {}

  /** A line for each member of the whole and each element of a list in it. */
  static String write(@Nullable Object value) {
    StringBuilder out = new StringBuilder();
    write(value, 0, out);
    return out.append('\n').toString();
  }

  private static void write(@Nullable Object value, int depth, StringBuilder out) {
    switch (value) {
      case null -> out.append("null");
      case Double number when !Double.isFinite(number) -> out.append("null");
      case Double number -> out.append(shortest(number));
      case Number number -> out.append(number);
      case Map<?, ?> map -> {
        char next = '{';
        for (var entry : map.entrySet()) {
          separate(next, depth == 0, out);
          string(String.valueOf(entry.getKey()), out);
          out.append(": ");
          write(entry.getValue(), depth + 1, out);
          next = ',';
        }
        out.append(map.isEmpty() ? "{}" : "}");
      }
      case Iterable<?> list -> {
        char next = '[';
        for (Object element : list) {
          separate(next, depth == 1, out);
          write(element, depth + 1, out);
          next = ',';
        }
        out.append(next == '[' ? "[]" : "]");
      }
      default -> string(value.toString(), out);
    }
  }

  private static void separate(char mark, boolean newLine, StringBuilder out) {
    out.append(mark).append(newLine ? "\n" : mark == ',' ? " " : "");
  }

  /** Six digits are more than any measurement has. */
  private static String shortest(double number) {
    return Double.toString(new BigDecimal(number, SIX_DIGITS).doubleValue());
  }

  private static void string(String text, StringBuilder out) {
    out.append('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '"' || c == '\\') {
        out.append('\\').append(c);
      } else if (c < ' ') {
        out.append(String.format(Locale.ROOT, "\\u%04x", (int) c));
      } else {
        out.append(c);
      }
    }
    out.append('"');
  }
}
