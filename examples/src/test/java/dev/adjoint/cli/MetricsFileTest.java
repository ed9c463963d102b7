package dev.adjoint.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.adjoint.train.Trainer.Progress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MetricsFileTest {
  @TempDir private Path folder = Path.of("");

  @Test
  void dropsWhatLiesBeyondTheCheckpoint() throws IOException {
    Path file = folder.resolve("metrics.csv");
    try (MetricsFile metrics = MetricsFile.create(file)) {
      for (int step = 1; step <= 4; step++) {
        metrics.write(progress(step));
      }
    }
    String whole = Files.readString(file);
    // Killed in the middle of a line.
    Files.writeString(file, whole.substring(0, whole.length() - 5));
    try (MetricsFile metrics = MetricsFile.resume(file, 2)) {
      metrics.write(progress(3));
      metrics.write(progress(4));
    }
    assertEquals(whole, Files.readString(file));
  }

  @Test
  void refusesADamagedFile() throws IOException {
    Path file = Files.writeString(folder.resolve("metrics.csv"), "head\n1,x\n2,y\n");
    assertThrows(CommandException.class, () -> MetricsFile.read(file));
  }

  private static Progress progress(int step) {
    OptionalDouble validation = step % 2 == 0 ? OptionalDouble.of(1 / 3.0) : OptionalDouble.empty();
    return new Progress(step, 0.1 * step, 1e-4 / step, Math.PI, 12345.6, validation);
  }
}
