package dev.adjoint.spi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class MessagesTest {
  @Test
  void whatShowsStaysAsItIs() {
    String text = "größer als 𝛼 \\ \"x\" – 語";
    assertEquals(text, Messages.oneLine(text));
    assertEquals("x".repeat(1000), Messages.oneLine("x".repeat(1000)));
  }

  @Test
  void whatWouldMoveTheCursorIsEscaped() {
    assertEquals(
        "a\\nb\\r\\t\\u001B[2J\\u0000\\u202E\\u2028\\u007F\\uD800",
        Messages.oneLine("a\nb\r\t\u001B[2J\0\u202E\u2028\u007F\uD800"));
  }

  @Test
  void ofALongTextTheMiddleIsLeftOut() {
    String line = Messages.oneLine("<" + "\n".repeat(1_000_000) + ">");
    assertTrue(line.startsWith("<\\n") && line.endsWith("\\n>"), line);
    assertTrue(line.contains("[… 999002 characters …]"), line);
    assertTrue(line.length() < 2100, line);
  }
}
