package dev.adjoint.nativecpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.Tensor;
import dev.adjoint.spi.BackendProvider;
import dev.adjoint.tck.OpCatalog;
import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.NullMarked;
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
    String classes =
        Stream.of(
                GuardedProvider.class,
                NativeCpuProvider.class,
                Tensor.class,
                OpCatalog.class,
                NullMarked.class)
            .map(GuardPagesTest::placeOf)
            .collect(Collectors.joining(File.pathSeparator));
    String seed = Long.toString(System.nanoTime());
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-Xmx512m",
                "-XX:-CreateCoredumpOnCrash",
                "-XX:ErrorFile=" + services.resolve("hs_err"),
                "-Dadjoint.memory=256m",
                "-cp",
                services + File.pathSeparator + classes, // this service comes first
                Fuzz.class.getName(),
                kind,
                SECONDS,
                seed)
            .redirectErrorStream(true)
            .start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), () -> "seed " + seed + "\n" + output);
    assertTrue(output.matches("(?s)[1-9]\\d* done, [1-9]\\d* refused.*"), output);
  }

  private static String placeOf(Class<?> type) {
    return Path.of(URI.create(type.getProtectionDomain().getCodeSource().getLocation().toString()))
        .toString();
  }
}
