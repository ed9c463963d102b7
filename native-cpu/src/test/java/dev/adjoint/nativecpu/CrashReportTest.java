package dev.adjoint.nativecpu;

import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A fault in a worker thread ends the JVM with the report that a fault in a Java thread gets. */
class CrashReportTest {
  @TempDir Path folder;

  @Test
  void faultInAWorkerLeavesAReport() throws IOException, InterruptedException {
    Path report = folder.resolve("hs_err.log");
    Path output = folder.resolve("output");
    Process jvm =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-Xmx64m",
                "-XX:-CreateCoredumpOnCrash",
                "-XX:ErrorFile=" + report,
                "-Dadjoint.threads=2",
                "-cp",
                System.getProperty("java.class.path"),
                Crash.class.getName())
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    assertNotEquals(0, jvm.waitFor());
    assertTrue(Files.exists(report), () -> "no report; the JVM said: " + text(output));
    String text = text(report);
    assertTrue(text.contains("SIGSEGV"), text);
    assertTrue(text.contains("[libadjoint_"), text);
  }

  private static String text(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return e.toString();
    }
  }
}
