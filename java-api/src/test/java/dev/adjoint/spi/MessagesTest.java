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
        "a\\nb\\r\\t\\u{1b}[2J\\u{0}\\u{202e}\\u{2028}\\u{7f}\\u{d800}",
        Messages.oneLine("a\nb\r\t\u001B[2J\0\u202E\u2028\u007F\uD800"));
  }

  @Test
  void ofALongTextTheMiddleIsLeftOut() {
    String line = Messages.oneLine("<" + "\n".repeat(1_000_000) + ">");
    assertTrue(line.startsWith("<\\n") && line.endsWith("\\n>"), line);
    assertTrue(line.contains("[… 999002 characters …]"), line);
    assertTrue(line.length() < 2100, line);
  }

  @Test
  void namesAreQuotedAndCut() {
    assertEquals("''", Messages.quoted(""));
    assertEquals("'weight ä \uD83D\uDE00'", Messages.quoted("weight ä \uD83D\uDE00"));
    assertEquals("'" + "x".repeat(100) + "'", Messages.quoted("x".repeat(100)));
    assertEquals("'" + "x".repeat(100) + "…' (101 characters)", Messages.quoted("x".repeat(101)));
    assertEquals("'\\u{1b}[31m\\n'", Messages.quoted("\u001b[31m\n"));
    assertTrue(Messages.quoted("\u0000".repeat(1_000_000)).length() < 1000);
  }
}
