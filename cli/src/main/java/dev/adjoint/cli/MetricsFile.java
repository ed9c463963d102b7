package dev.adjoint.cli;

import dev.adjoint.io.DurableFiles;
import dev.adjoint.spi.Messages;
import dev.adjoint.train.Trainer.Progress;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;

/** {@code metrics.csv}: a line for each step. */
final class MetricsFile implements AutoCloseable {
  private static final String HEADER =
      "step,train_loss,val_loss,learning_rate,grad_norm,tokens_per_s";

  private static final String OP = "metrics";
  private static final int MOST_BYTES = Integer.MAX_VALUE - 8; // as an array may have

  private final Path file;
  private final BufferedWriter writer;

  private MetricsFile(Path file, BufferedWriter writer) {
    this.file = file;
    this.writer = writer;
  }

  /** Starts a new file; there must be none. */
  static MetricsFile create(Path file) {
    return open(file, StandardOpenOption.CREATE_NEW, HEADER + "\n");
  }

  /**
   * Goes on after a checkpoint: what a run wrote beyond it, before it was killed, is dropped.
   *
   * @param lastStep the checkpoint's step
   * @throws CommandException if the file is not a run's metrics
   */
  static MetricsFile resume(Path file, long lastStep) {
    StringBuilder kept = new StringBuilder(HEADER + "\n");
    for (Progress step : isBegun(file) ? read(file) : List.<Progress>of()) {
      if (step.step() <= lastStep) {
        kept.append(csv(step)).append('\n');
      }
    }
    byte[] bytes = kept.toString().getBytes(StandardCharsets.UTF_8);
    DurableFiles.replace(OP, file, channel -> Channels.newOutputStream(channel).write(bytes));
    return open(file, StandardOpenOption.APPEND, "");
  }

  /** Whether there is more in it than a run leaves that is killed when it begins. */
  private static boolean isBegun(Path file) {
    return Files.exists(file) && !HEADER.startsWith(text(file).strip());
  }

  private static MetricsFile open(Path file, OpenOption option, String start) {
    try {
      BufferedWriter writer = Files.newBufferedWriter(file, StandardOpenOption.WRITE, option);
      MetricsFile metrics = new MetricsFile(file, writer);
      metrics.append(start);
      return metrics;
    } catch (IOException e) {
      throw DurableFiles.failed(OP, "write", file, e);
    }
  }

  private static String text(Path file) {
    return DurableFiles.readText(OP, file, MOST_BYTES);
  }

  /**
   * The lines of a file; a last one that was cut off is passed over.
   *
   * @throws CommandException if it is not a run's metrics
   */
  static List<Progress> read(Path file) {
    String text = text(file);
    List<String> lines = text.lines().toList();
    if (lines.isEmpty() || !lines.getFirst().equals(HEADER)) {
      throw new CommandException(
          file
              + ": is not the metrics of a run, whose first line is '"
              + HEADER
              + "'; move it away to go on without it");
    }
    int whole = text.endsWith("\n") ? lines.size() : lines.size() - 1;
    List<Progress> steps = new ArrayList<>();
    for (int i = 1; i < whole; i++) {
      try {
        steps.add(parse(lines.get(i)));
      } catch (NumberFormatException e) {
        throw new CommandException(
            file + ": line " + (i + 1) + " is damaged: " + Messages.quoted(lines.get(i)), e);
      }
    }
    return steps;
  }

  /** Adds a line. */
  void write(Progress step) {
    append(csv(step) + "\n");
  }

  private void append(String text) {
    try {
      writer.write(text);
    } catch (IOException e) {
      throw DurableFiles.failed(OP, "write", file, e);
    }
  }

  /** Hands all lines to the system, so that they outlive this process. */
  void flush() {
    try {
      writer.flush();
    } catch (IOException e) {
      throw DurableFiles.failed(OP, "write", file, e);
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
  public void close() {
    try {
      writer.close();
    } catch (IOException e) {
      throw DurableFiles.failed(OP, "write", file, e);
    }
  }
}
