package dev.adjoint.io;

import dev.adjoint.TensorException;
import dev.adjoint.spi.Messages;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * JSON (RFC 8259), strictly: objects are maps in the order of the text, without duplicate names;
 * arrays are lists; numbers written as integers are {@link Long}, others {@link Double}; then
 * strings, booleans and null.
 */
final class Json {
  /** Deeper texts and values are refused rather than overflowing the stack. */
  private static final int MAX_DEPTH = 64;

  private final String text;
  private int at;

  private Json(String text) {
    this.text = text;
  }

  /** A value for a message: numbers and truths as they are, texts in quotes, others by kind. */
  static String described(@Nullable Object value) {
    return switch (value) {
      case null -> "null";
      case String text -> Messages.quoted(text);
      case Number number -> number.toString();
      case Boolean truth -> truth.toString();
      case Iterable<?> _ -> "an array";
      default -> "an object";
    };
  }

  // ---- reading ----

  /**
   * @throws TensorException saying what is wrong and where
   */
  static @Nullable Object parse(ByteBuffer utf8) {
    try {
      return parse(StandardCharsets.UTF_8.newDecoder().decode(utf8).toString());
    } catch (CharacterCodingException e) {
      throw new TensorException("json: the text is not UTF-8", e);
    } catch (OutOfMemoryError e) {
      throw new TensorException(
          "json: the heap is too small for what is in the text; raise it with -Xmx", e);
    }
  }

  /**
   * @throws TensorException saying what is wrong and where
   */
  static @Nullable Object parse(String text) {
    Json json = new Json(text);
    Object value = json.value(0);
    json.skipSpace();
    if (json.at < text.length()) {
      throw json.wrong("more text after the value");
    }
    return value;
  }

  private @Nullable Object value(int depth) {
    if (depth > MAX_DEPTH) {
      throw wrong("nested deeper than " + MAX_DEPTH);
    }
    skipSpace();
    return switch (peek()) {
      case '{' -> object(depth);
      case '[' -> array(depth);
      case '"' -> string();
      case 't' -> word("true", true);
      case 'f' -> word("false", false);
      case 'n' -> word("null", null);
      default -> number();
    };
  }

  private Map<String, @Nullable Object> object(int depth) {
    Map<String, @Nullable Object> object = new LinkedHashMap<>();
    at++;
    skipSpace();
    if (peek() == '}') {
      at++;
      return object;
    }
    do {
      skipSpace();
      String name = string();
      if (object.containsKey(name)) {
        throw wrong("the name " + Messages.quoted(name) + " appears twice");
      }
      skipSpace();
      expect(':');
      object.put(name, value(depth + 1));
    } while (another('}'));
    return object;
  }

  private List<@Nullable Object> array(int depth) {
    List<@Nullable Object> array = new ArrayList<>();
    at++;
    skipSpace();
    if (peek() == ']') {
      at++;
      return array;
    }
    do {
      array.add(value(depth + 1));
    } while (another(']'));
    return array;
  }

  /** Passes a comma (true) or the closing character (false). */
  private boolean another(char closing) {
    skipSpace();
    if (peek() == closing) {
      at++;
      return false;
    }
    expect(',');
    return true;
  }

  private String string() {
    expect('"');
    StringBuilder string = new StringBuilder();
    for (char c = next(); c != '"'; c = next()) {
      if (c < ' ') {
        throw wrong("a control character in a string");
      }
      string.append(c == '\\' ? escaped() : c);
    }
    return string.toString();
  }

  private char escaped() {
    char c = next();
    return switch (c) {
      case '"', '\\', '/' -> c;
      case 'b' -> '\b';
      case 'f' -> '\f';
      case 'n' -> '\n';
      case 'r' -> '\r';
      case 't' -> '\t';
      case 'u' -> {
        int code = 0;
        for (int i = 0; i < 4; i++) {
          int digit = Character.digit(next(), 16);
          if (digit < 0) {
            throw wrong("\\u needs four hexadecimal digits");
          }
          code = code * 16 + digit;
        }
        yield (char) code;
      }
      default -> throw wrong("an unknown escape: " + Messages.quoted("\\" + c));
    };
  }

  private @Nullable Object word(String word, @Nullable Object value) {
    if (!text.startsWith(word, at)) {
      throw wrong("no value");
    }
    at += word.length();
    return value;
  }

  private Object number() {
    int start = at;
    if (peek() == '-') {
      at++;
    }
    if (peek() == '0') {
      at++;
    } else {
      digits("no value");
    }
    boolean integer = true;
    if (peek() == '.') {
      at++;
      digits("no digit after the point");
      integer = false;
    }
    if (peek() == 'e' || peek() == 'E') {
      at++;
      if (peek() == '+' || peek() == '-') {
        at++;
      }
      digits("no digit in the exponent");
      integer = false;
    }
    String number = text.substring(start, at);
    if (!integer) {
      double value = Double.parseDouble(number);
      if (!Double.isFinite(value)) {
        throw wrong("the number " + Messages.quoted(number) + " is larger than a double can be");
      }
      return value;
    }
    try {
      return Long.valueOf(number);
    } catch (NumberFormatException e) {
      throw wrong("the integer " + Messages.quoted(number) + " has more than 64 bits");
    }
  }

  private void digits(String message) {
    int start = at;
    while (peek() >= '0' && peek() <= '9') {
      at++;
    }
    if (at == start) {
      throw wrong(message);
    }
  }

  private void skipSpace() {
    while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r') {
      at++;
    }
  }

  /** The character here, or NUL at the end, which no rule accepts. */
  private char peek() {
    return at < text.length() ? text.charAt(at) : '\0';
  }

  private char next() {
    if (at >= text.length()) {
      throw wrong("the text ends too early");
    }
    return text.charAt(at++);
  }

  private void expect(char wanted) {
    if (peek() != wanted) {
      throw wrong(at < text.length() ? "'" + wanted + "' is missing" : "the text ends too early");
    }
    at++;
  }

  private TensorException wrong(String message) {
    return new TensorException("json: " + message + ", at character " + at);
  }

  // ---- writing ----

  /**
   * One line; the same value always gives the same text.
   *
   * @param value of maps with string keys, lists, strings, finite numbers, booleans and nulls
   * @throws TensorException if there is something else in it, or it is nested too deeply to be read
   *     again
   */
  static String write(@Nullable Object value) {
    StringBuilder out = new StringBuilder();
    write(value, out, 0);
    return out.toString();
  }

  private static void write(@Nullable Object value, StringBuilder out, int depth) {
    if (depth > MAX_DEPTH) {
      throw new TensorException(
          "json: cannot write a value nested deeper than " + MAX_DEPTH + ", or one in itself");
    }
    switch (value) {
      case null -> out.append("null");
      case String string -> writeString(string, out);
      case Boolean truth -> out.append(truth.booleanValue());
      case Integer number -> out.append(number.intValue());
      case Long number -> out.append(number.longValue());
      case Double number when Double.isFinite(number) -> out.append(number.doubleValue());
      case Map<?, ?> map -> {
        char separator = '{';
        for (var entry : map.entrySet()) {
          out.append(separator);
          if (!(entry.getKey() instanceof String name)) {
            throw new TensorException("json: the names in an object must be strings");
          }
          writeString(name, out);
          out.append(':');
          write(entry.getValue(), out, depth + 1);
          separator = ',';
        }
        out.append(map.isEmpty() ? "{}" : "}");
      }
      case Iterable<?> list -> {
        out.append('[');
        String separator = "";
        for (Object element : list) {
          out.append(separator);
          write(element, out, depth + 1);
          separator = ",";
        }
        out.append(']');
      }
      case Double number -> throw new TensorException("json: there is no number " + number);
      default ->
          throw new TensorException(
              "json: cannot write a value of the class " + value.getClass().getName());
    }
  }

  private static void writeString(String string, StringBuilder out) {
    out.append('"');
    for (int i = 0; i < string.length(); i++) {
      char c = string.charAt(i);
      switch (c) {
        case '"', '\\' -> out.append('\\').append(c);
        case '\n' -> out.append("\\n");
        case '\t' -> out.append("\\t");
        case '\r' -> out.append("\\r");
        default -> {
          // Surrogates are escaped, since a lone one has no UTF-8.
          if (c < ' ' || Character.isSurrogate(c)) {
            out.append("\\u").append(HexFormat.of().toHexDigits(c));
          } else {
            out.append(c);
          }
        }
      }
    }
    out.append('"');
  }
}
