package dev.adjoint.nativecpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.opentest4j.TestAbortedException;

/**
 * How the libraries were linked: what keeps an error in a kernel from becoming an attacker's code.
 */
class HardeningTest {
  private static final Path LIBRARIES =
      Path.of("target/classes/dev/adjoint/nativecpu/lib", Platform.resourceFolder());

  static List<Path> libraries() throws IOException {
    try (Stream<Path> files = Files.list(LIBRARIES)) {
      return files.sorted().toList();
    }
  }

  @ParameterizedTest
  @MethodSource("libraries")
  void isHardened(Path library) throws IOException, InterruptedException {
    String headers = readelf("-lW", library);
    String stack = line(headers, "GNU_STACK");
    assertTrue(stack.contains(" RW "), "the stack cannot be executed: " + stack);
    line(headers, "GNU_RELRO");
    String dynamic = readelf("-dW", library);
    line(dynamic, "BIND_NOW");
    assertFalse(dynamic.contains("RPATH") || dynamic.contains("RUNPATH"), dynamic);
    String notes = readelf("-nW", library);
    if (Platform.resourceFolder().equals("linux-x86_64")) {
      assertTrue(notes.contains("IBT") && notes.contains("SHSTK"), notes);
    } else {
      assertTrue(notes.contains("BTI") && notes.contains("PAC"), notes);
    }
    line(readelf("-sDW", library), "__stack_chk_fail");
  }

  private static String line(String text, String word) {
    return text.lines()
        .filter(line -> line.contains(word))
        .findFirst()
        .orElseThrow(() -> new AssertionError("no " + word + " in:\n" + text));
  }

  private static String readelf(String option, Path library)
      throws IOException, InterruptedException {
    Process process;
    try {
      process = new ProcessBuilder("readelf", option, library.toString()).start();
    } catch (IOException e) {
      throw new TestAbortedException("there is no readelf: " + e);
    }
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor());
    return output;
  }
}
