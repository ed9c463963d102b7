package dev.adjoint.nativecpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The kernels use the vector instructions that their variant is named for. A wrong compiler option
 * (contraction off without written FMAs, a narrower vector) loses half of the speed and no test of
 * numbers would notice.
 */
final class DisassemblyTest {
  private static final Path LIBRARIES =
      Path.of("target", "classes", "dev", "adjoint", "nativecpu", "lib", "linux-x86_64");

  /** The micro-kernel alone has a dozen of them, for each element type. */
  private static final long SEVERAL = 24;

  @ParameterizedTest
  @CsvSource({"x86-64-v3, ymm", "x86-64-v4, zmm", "x86-64-v4-bf16, zmm"})
  void fusedMultiplyAddOnFullVectors(String variant, String register)
      throws IOException, InterruptedException {
    Path library = LIBRARIES.resolve("libadjoint_" + variant + ".so");
    assumeTrue(Files.exists(library), () -> library + " was not built");
    for (String type : new String[] {"ps", "pd"}) {
      long count = instructions(library, "vfmadd[0-9]+" + type + "\\s.*%" + register + ".*");
      assertTrue(count >= SEVERAL, () -> variant + ": " + count + " vfmadd…" + type);
    }
  }

  @Test
  void productsOfBfloat16Pairs() throws IOException, InterruptedException {
    Path library = LIBRARIES.resolve("libadjoint_x86-64-v4-bf16.so");
    assumeTrue(Files.exists(library), () -> library + " was not built");
    long count = instructions(library, "vdpbf16ps\\s.*%zmm.*");
    assertTrue(count >= SEVERAL, () -> count + " vdpbf16ps");
  }

  private static long instructions(Path library, String pattern)
      throws IOException, InterruptedException {
    Process objdump;
    try {
      objdump =
          new ProcessBuilder("objdump", "--disassemble", "--no-show-raw-insn", library.toString())
              .redirectErrorStream(true)
              .start();
    } catch (IOException e) {
      assumeTrue(false, "objdump is not installed");
      throw e;
    }
    String wanted = ".*\\s" + pattern;
    long count;
    try (var lines = objdump.inputReader(StandardCharsets.UTF_8)) {
      count = lines.lines().filter(line -> line.matches(wanted)).count();
    }
    assertEquals(0, objdump.waitFor(), "objdump failed");
    return count;
  }
}
