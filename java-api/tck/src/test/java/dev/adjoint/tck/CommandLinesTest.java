package dev.adjoint.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.TensorException;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.charset.MalformedInputException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;

class CommandLinesTest {
  @Test
  void failuresHaveWords() {
    IOException full = new FileSystemException("x", null, "No space left on device");
    Map<Throwable, String> messages =
        Map.of(
            new TensorException("add: no"),
            "add: no",
            new NotDirectoryException("x"),
            "x: a part of the path is a file, not a folder",
            new FileAlreadyExistsException("x"),
            "x: there is something of this name already",
            full,
            "x: the disk is full",
            new UncheckedIOException(full),
            "x: the disk is full",
            new MalformedInputException(1),
            "it is not text in UTF-8",
            new StackOverflowError(),
            "internal error: java.lang.StackOverflowError (ADJOINT_DEBUG=1 shows where)");
    messages.forEach((failure, words) -> assertEquals(words, CommandLines.message(failure)));
    String heap = CommandLines.message(new OutOfMemoryError("Java heap space"));
    assertTrue(heap.startsWith("memory: Java heap space; Java has a heap of "), heap);
    assertTrue(heap.endsWith("-Xmx8g allows more"), heap);
  }

  @Test
  void pathsThatAreNone() throws Exception {
    assertEquals(Path.of("a/b"), CommandLines.path("a/b", Exception::new));
    for (String text : new String[] {"", "a\0b", "\0".repeat(100_000)}) {
      String message =
          String.valueOf(
              assertThrows(Exception.class, () -> CommandLines.path(text, Exception::new))
                  .getMessage());
      assertTrue(
          message.contains(text.isEmpty() ? "must not be empty" : "cannot be the name of a file"),
          message);
      assertTrue(message.length() < 1000, message);
    }
  }

  @Test
  void oneLineEach() {
    StringWriter lines = new StringWriter();
    PrintWriter err = new PrintWriter(lines, true);
    Exception failure = new TensorException("two\nlines");
    CommandLines.report(err, CommandLines.message(failure), failure, false);
    CommandLines.reportUsage(err, "wrong\n", "adjoint train");
    assertEquals(
        "adjoint: two\\nlines\nadjoint: wrong\\n (see 'adjoint train --help')\n",
        lines.toString().replace(System.lineSeparator(), "\n"));
    CommandLines.report(err, CommandLines.message(failure), failure, true);
    assertTrue(lines.toString().contains("at dev.adjoint.tck.CommandLinesTest.oneLineEach"));
  }
}
