package dev.adjoint.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.adjoint.TensorException;
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
  }
}
