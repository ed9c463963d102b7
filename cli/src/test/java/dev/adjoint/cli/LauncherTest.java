package dev.adjoint.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.adjoint.tck.ForkedJvm;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The script {@code ./adjoint}. What it is asked for is in a script, too. */
class LauncherTest {
  @TempDir private Path folder = Path.of("");

  @Test
  void startsAnywhere() throws IOException, InterruptedException {
    ProcessBuilder script =
        new ProcessBuilder(
                "bash",
                "src/test/sh/launcher.sh",
                Path.of("..").toAbsolutePath().normalize().toString(),
                ForkedJvm.classPath(),
                System.getProperty("java.home"),
                folder.toString())
            .redirectErrorStream(true);
    ForkedJvm.Ended ended = ForkedJvm.run(script);
    assertEquals(0, ended.exitCode(), ended.output());
  }
}
