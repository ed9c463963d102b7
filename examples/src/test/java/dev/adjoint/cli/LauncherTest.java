package dev.adjoint.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The script {@code ./adjoint}. What it is asked for is in a script, too. */
class LauncherTest {
  @TempDir private Path folder = Path.of("");

  @Test
  void startsAnywhere() throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(
                "bash",
                "src/test/sh/launcher.sh",
                Path.of("..").toAbsolutePath().normalize().toString(),
                System.getProperty("java.class.path"),
                System.getProperty("java.home"),
                folder.toString())
            .redirectErrorStream(true)
            .start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), output);
  }
}
