package dev.adjoint.cli;

import dev.adjoint.train.Trainer.Progress;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;

/** {@code metrics.csv}: a line for each step. */
final class MetricsFile implements AutoCloseable {
  private static final String HEADER =
      "step,train_loss,val_loss,learning_rate,grad_norm,tokens_per_s";

  private final BufferedWriter writer;

  private MetricsFile(BufferedWriter writer) {
    this.writer = writer;
  }

  /** Starts a new file. */
  static MetricsFile create(Path file) throws IOException {
    BufferedWriter writer = Files.newBufferedWriter(file);
    writer.write(HEADER + "\n");
    return new MetricsFile(writer);
  }

  /**
   * Goes on after a checkpoint: what a run wrote beyond it, before it was killed, is dropped.
   *
   * @param lastStep the checkpoint's step
   */
  static MetricsFile resume(Path file, long lastStep) throws IOException {
    List<String> kept = new ArrayList<>();
    kept.add(HEADER);
    for (Progress step : Files.exists(file) ? read(file) : List.<Progress>of()) {
      if (step.step() <= lastStep) {
        kept.add(csv(step));
      }
    }
    Path fresh = file.resolveSibling(file.getFileName() + ".tmp");
    Files.write(fresh, kept);
    Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
    return new MetricsFile(Files.newBufferedWriter(file, StandardOpenOption.APPEND));
  }

  /** The lines of a file; a last one that was cut off is passed over. */
  static List<Progress> read(Path file) throws IOException {
    List<String> lines = Files.readAllLines(file);
    List<Progress> steps = new ArrayList<>();
    for (int i = 1; i < lines.size(); i++) {
      try {
        steps.add(parse(lines.get(i)));
      } catch (NumberFormatException e) {
        if (i < lines.size() - 1) {
          throw new CommandException(
              file + ": line " + (i + 1) + " is damaged: " + lines.get(i), e);
        }
      }
    }
    return steps;
  }

  /** Adds a line. */
  void write(Progress step) {
    try {
      writer.write(csv(step) + "\n");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Hands all lines to the system, so that they outlive this process. */
  void flush() {
    try {
      writer.flush();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String csv(Progress step) {
    return String.join(
        ",",
        Long.toString(step.step()),
        number(step.loss()),
        step.validationLoss().isPresent() ? number(step.validationLoss().getAsDouble()) : "",
        number(step.learningRate()),
        number(step.gradientNorm()),
        Long.toString(Math.round(step.targetsPerSecond())));
  }

  /** The seven digits that matter; read again they print the same. */
  private static String number(double value) {
    return Float.toString((float) value);
  }

  private static Progress parse(String line) {
    String[] fields = line.split(",", -1);
    if (fields.length != 6) {
      throw new NumberFormatException("six columns expected");
    }
    return new Progress(
        Long.parseLong(fields[0]),
        Double.parseDouble(fields[1]),
        Double.parseDouble(fields[3]),
        Double.parseDouble(fields[4]),
        Double.parseDouble(fields[5]),
        fields[2].isEmpty()
            ? OptionalDouble.empty()
            : OptionalDouble.of(Double.parseDouble(fields[2])));
  }

  @Override
  public void close() throws IOException {
    writer.close();
  }
}
