package dev.adjoint.nativecpu;

import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.tck.ForkedJvm;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A fault in a worker thread ends the JVM with the report that a fault in a Java thread gets. */
class CrashReportTest {
  @TempDir Path folder;

  @Test
  void faultInAWorkerLeavesAReport() throws IOException, InterruptedException {
    Path report = folder.resolve("hs_err.log");
    List<String> options =
        List.of(
            "-Xmx64m",
            "-XX:-CreateCoredumpOnCrash",
            "-XX:ErrorFile=" + report,
            "-Dadjoint.threads=2");
    ForkedJvm.Ended jvm =
        ForkedJvm.run(ForkedJvm.of(options, Crash.class).directory(folder.toFile()));
    assertNotEquals(0, jvm.exitCode(), jvm.output());
    assertTrue(Files.exists(report), () -> "no report; the JVM said: " + jvm.output());
    String text = Files.readString(report);
    assertTrue(text.contains("SIGSEGV"), text);
    assertTrue(text.contains("[libadjoint_"), text);
  }
}
