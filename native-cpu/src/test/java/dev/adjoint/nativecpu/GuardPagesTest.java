package dev.adjoint.nativecpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.spi.BackendProvider;
import dev.adjoint.tck.ForkedJvm;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * No sizes and no race lead out of a tensor's memory: {@link Fuzz} in a JVM whose tensors lie
 * between guard pages. {@code -Dadjoint.fuzz.seconds=600} lets it go on for longer.
 */
class GuardPagesTest {
  private static final String SECONDS = System.getProperty("adjoint.fuzz.seconds", "6");

  @TempDir Path services;

  @ParameterizedTest
  @ValueSource(strings = {"views", "races"})
  void nothingLeavesItsMemory(String kind) throws IOException, InterruptedException {
    Path file = services.resolve("META-INF/services/" + BackendProvider.class.getName());
    Files.createDirectories(file.getParent());
    Files.writeString(file, GuardedProvider.class.getName());
    String seed = Long.toString(System.nanoTime());
    List<String> options =
        List.of(
            "-Xmx512m",
            "-XX:-CreateCoredumpOnCrash",
            "-XX:ErrorFile=" + services.resolve("hs_err"),
            "-Dadjoint.memory=256m");
    String classPath = services + File.pathSeparator + ForkedJvm.classPath(); // this service first
    ForkedJvm.Ended jvm =
        ForkedJvm.run(ForkedJvm.of(options, classPath, Fuzz.class, kind, SECONDS, seed));
    assertEquals(0, jvm.exitCode(), () -> "seed " + seed + "\n" + jvm.output());
    assertTrue(jvm.output().matches("(?s)[1-9]\\d* done, [1-9]\\d* refused.*"), jvm.output());
  }
}
