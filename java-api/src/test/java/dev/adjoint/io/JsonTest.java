package dev.adjoint.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.TensorException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonTest {
  @Test
  void readsWhatItWrites() {
    Map<String, Object> value = new LinkedHashMap<>();
    value.put("name", "ä \"quoted\" \\ / \n\t\r \u0001 \uD83D\uDE00");
    value.put("whole", Long.MIN_VALUE);
    value.put("fraction", -1.5e-300);
    value.put("list", Arrays.asList(true, false, null, List.of(), Map.of()));
    assertEquals(value, Json.parse(Json.write(value)));
  }

  @Test
  void readsEveryKindOfValue() {
    assertEquals(
        Map.of("a", List.of(1L, -0.5, 100.0, "A/"), "b", Map.of()),
        Json.parse(" {\"a\" : [1, -0.5, 1E+2, \"\\u0041\\/\"]\n,\t\"b\":{}}\r\n"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        "{",
        "[",
        "[1,]",
        "{\"a\":1,}",
        "{\"a\" 1}",
        "{a:1}",
        "{\"a\":1,\"a\":2}",
        "01",
        "+1",
        ".5",
        "1.",
        "1e",
        "-",
        "tru",
        "nul",
        "'a'",
        "\"a",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\n\"",
        "1 2",
        "[1 2]",
        "NaN",
        "Infinity",
        "12345678901234567890",
        "1e999",
        "-1e999",
        "\0"
      })
  void refusesEverythingElse(String text) {
    assertThrows(TensorException.class, () -> Json.parse(text));
  }

  @Test
  void refusesDepthRatherThanOverflowingTheStack() {
    assertThrows(TensorException.class, () -> Json.parse("[".repeat(1_000_000)));
  }

  @Test
  void writesOnlyWhatJsonHas() {
    assertThrows(TensorException.class, () -> Json.write(Double.NaN));
    assertThrows(TensorException.class, () -> Json.write(List.of(new Object())));
    assertThrows(TensorException.class, () -> Json.write(Map.of(1, 2)));
  }

  /** What could not be read again, and what has no end. */
  @Test
  void writesNothingTooDeep() {
    List<Object> deep = List.of();
    for (int i = 0; i < 64; i++) {
      deep = List.of(deep);
    }
    assertEquals(deep, Json.parse(Json.write(deep)));
    List<Object> deeper = List.of(deep);
    assertThrows(TensorException.class, () -> Json.write(deeper));
    List<Object> itself = new ArrayList<>();
    itself.add(itself);
    assertThrows(TensorException.class, () -> Json.write(itself));
  }

  @ParameterizedTest
  @ValueSource(strings = {"{\"%s\":1,\"%s\":2}", "1%s", "1%s.5e9", "\"\\%s\"", "{\"a\" %s}"})
  void messagesShowLittleOfTheTextAndInOneLine(String text) {
    for (String content : List.of("9".repeat(100_000), "\u001b", "\n\u202e")) {
      try {
        Json.parse(text.replace("%s", content));
      } catch (TensorException e) {
        String message = String.valueOf(e.getMessage());
        assertTrue(message.length() < 300, message);
        assertTrue(message.chars().allMatch(c -> c >= ' ' && c != 0x202e), message);
      }
    }
  }

  @Test
  void valuesAreDescribedByKind() {
    assertEquals("null", Json.described(null));
    assertEquals("7", Json.described(7L));
    assertEquals("true", Json.described(true));
    assertEquals("'F8'", Json.described("F8"));
    assertEquals("an array", Json.described(List.of(1L)));
    assertEquals("an object", Json.described(Map.of()));
  }
}
