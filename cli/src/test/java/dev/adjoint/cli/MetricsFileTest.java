package dev.adjoint.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.TensorException;
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

  private static final String HEADER =
      "step,train_loss,val_loss,learning_rate,grad_norm,tokens_per_s\n";

  private Path file(String text) throws IOException {
    return Files.writeString(folder.resolve("metrics.csv"), text);
  }

  @Test
  void refusesADamagedFile() throws IOException {
    Path file = file(HEADER + "1,\u001b[31m" + "x".repeat(10_000) + "\n");
    String message = assertThrows(CommandException.class, () -> MetricsFile.read(file)).toString();
    assertTrue(message.contains("metrics.csv: line 2 is damaged: '1,\\u{1b}[31mxxx"), message);
    assertTrue(message.length() < 400, message);
  }

  @Test
  void refusesFilesOfOthers() throws IOException {
    Path file = file("date,weight\n");
    assertThrows(CommandException.class, () -> MetricsFile.read(file));
    assertThrows(CommandException.class, () -> MetricsFile.resume(file, 5));
    assertThrows(TensorException.class, () -> MetricsFile.create(file));
    assertEquals("date,weight\n", Files.readString(file));
    Files.write(file, new byte[] {(byte) 0xff});
    String message =
        assertThrows(TensorException.class, () -> MetricsFile.resume(file, 5)).toString();
    assertTrue(message.endsWith("metrics.csv: it is not text in UTF-8"), message);
    Files.delete(file);
    Files.createDirectory(file);
    message = assertThrows(TensorException.class, () -> MetricsFile.read(file)).toString();
    assertTrue(message.endsWith("metrics.csv: it is a folder, not a file"), message);
  }

  /** A run that was killed while it began leaves a part of the first line. */
  @Test
  void goesOnFromAnEmptiedFile() throws IOException {
    for (String start : new String[] {"", "step,train", HEADER.strip(), HEADER}) {
      Path file = file(start);
      MetricsFile.resume(file, 5).close();
      assertEquals(HEADER, Files.readString(file));
      assertEquals(0, MetricsFile.read(file).size());
    }
    Path file = file("");
    String message = assertThrows(CommandException.class, () -> MetricsFile.read(file)).toString();
    assertTrue(message.contains("is not the metrics of a run"), message);
  }

  /** Half a number is a number too. */
  @Test
  void aLineWithoutItsEndIsNotBelieved() throws IOException {
    Path file = file(HEADER + "1,0.5,,0.1,2.0,345\n2,0.5,,0.1,2.0,34");
    assertEquals(1, MetricsFile.read(file).size());
  }

  private static Progress progress(int step) {
    OptionalDouble validation = step % 2 == 0 ? OptionalDouble.of(1 / 3.0) : OptionalDouble.empty();
    return new Progress(step, 0.1 * step, 1e-4 / step, Math.PI, 12345.6, validation);
  }
}
