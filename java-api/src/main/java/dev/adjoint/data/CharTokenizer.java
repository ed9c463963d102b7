package dev.adjoint.data;

import dev.adjoint.TensorException;
import java.util.Arrays;

/** One token for each character (Unicode code point) of a vocabulary, in ascending order. */
public final class CharTokenizer {
  private final int[] characters;

  private CharTokenizer(int[] characters) {
    this.characters = characters;
  }

  /** The tokenizer whose vocabulary is the characters of a text. */
  public static CharTokenizer of(String text) {
    return new CharTokenizer(text.codePoints().sorted().distinct().toArray());
  }

  /** The characters in the order of their tokens; {@link #of} makes the same tokenizer of it. */
  public String vocabulary() {
    return new String(characters, 0, characters.length);
  }

  /** The number of tokens. */
  public int size() {
    return characters.length;
  }

  /**
   * The tokens of a text.
   *
   * @throws TensorException naming the first character that is not in the vocabulary
   */
  public long[] encode(String text) {
    int[] points = text.codePoints().toArray();
    long[] tokens = new long[points.length];
    for (int i = 0; i < points.length; i++) {
      tokens[i] = Arrays.binarySearch(characters, points[i]);
      if (tokens[i] < 0) {
        throw new TensorException(
            "encode: the character '"
                + Character.toString(points[i])
                + "' (U+%04X) at position %d is not in the vocabulary of %d"
                    .formatted(points[i], i, characters.length));
      }
    }
    return tokens;
  }

  /**
   * The text of some tokens.
   *
   * @throws TensorException naming the first token outside [0, size)
   */
  public String decode(long... tokens) {
    StringBuilder text = new StringBuilder();
    for (long token : tokens) {
      if (token < 0 || token >= characters.length) {
        throw new TensorException(
            "decode: the token " + token + " is outside [0, " + characters.length + ")");
      }
      text.appendCodePoint(characters[(int) token]);
    }
    return text.toString();
  }
}
