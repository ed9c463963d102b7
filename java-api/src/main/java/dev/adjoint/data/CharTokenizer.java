package dev.adjoint.data;

import dev.adjoint.TensorException;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Locale;

/** One token for each character (Unicode code point) of a vocabulary, in ascending order. */
public final class CharTokenizer {
  private final int[] characters;

  private CharTokenizer(int[] characters) {
    this.characters = characters;
  }

  /** The tokenizer whose vocabulary is the characters of a text. */
  public static CharTokenizer of(String text) {
    BitSet seen = new BitSet();
    text.codePoints().forEach(seen::set);
    return new CharTokenizer(seen.stream().toArray());
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
    long[] tokens = new long[text.codePointCount(0, text.length())];
    for (int i = 0, at = 0; i < tokens.length; i++) {
      int character = text.codePointAt(at);
      at += Character.charCount(character);
      tokens[i] = Arrays.binarySearch(characters, character);
      if (tokens[i] < 0) {
        throw new TensorException(
            String.format(
                Locale.ROOT,
                "encode: the character U+%04X (%s) at position %d is not in the vocabulary of %d",
                character,
                Character.getName(character), // shows on every terminal
                i,
                characters.length));
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
