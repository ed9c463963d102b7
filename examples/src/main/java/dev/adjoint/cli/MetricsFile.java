package dev.adjoint.cli;

import java.io.BufferedWriter;
import java.io.IOException;
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

  /**
   * One line.
   *
   * @param validationLoss empty where it was not measured
   */
  record Row(
      long step,
      double trainLoss,
      OptionalDouble validationLoss,
      double learningRate,
      double gradientNorm,
      double tokensPerSecond) {
    private String csv() {
      // Seven digits say all that there is to say, and parse to what prints the same again.
      String validation =
          validationLoss.isPresent() ? Float.toString((float) validationLoss.getAsDouble()) : "";
      return String.join(
          ",",
          Long.toString(step),
          Float.toString((float) trainLoss),
          validation,
          Float.toString((float) learningRate),
          Float.toString((float) gradientNorm),
          Long.toString(Math.round(tokensPerSecond)));
    }

    private static Row parse(String line) {
      String[] fields = line.split(",", -1);
      if (fields.length != 6) {
        throw new NumberFormatException("six columns expected");
      }
      return new Row(
          Long.parseLong(fields[0]),
          Double.parseDouble(fields[1]),
          fields[2].isEmpty()
              ? OptionalDouble.empty()
              : OptionalDouble.of(Double.parseDouble(fields[2])),
          Double.parseDouble(fields[3]),
          Double.parseDouble(fields[4]),
          Double.parseDouble(fields[5]));
    }
  }

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
    for (Row row : Files.exists(file) ? read(file) : List.<Row>of()) {
      if (row.step() <= lastStep) {
        kept.add(row.csv());
      }
    }
    Path fresh = file.resolveSibling(file.getFileName() + ".tmp");
    Files.write(fresh, kept);
    Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
    return new MetricsFile(Files.newBufferedWriter(file, StandardOpenOption.APPEND));
  }

  /** The lines of a file; a last one that was cut off is passed over. */
  static List<Row> read(Path file) throws IOException {
    List<String> lines = Files.readAllLines(file);
    List<Row> rows = new ArrayList<>();
    for (int i = 1; i < lines.size(); i++) {
      try {
        rows.add(Row.parse(lines.get(i)));
      } catch (NumberFormatException e) {
        if (i < lines.size() - 1) {
          throw new CommandException(
              file + ": line " + (i + 1) + " is damaged: " + lines.get(i), e);
        }
      }
    }
    return rows;
  }

  /** Adds a line. */
  void write(Row row) throws IOException {
    writer.write(row.csv() + "\n");
  }

  /** Hands all lines to the system, so that they outlive this process. */
  void flush() throws IOException {
    writer.flush();
  }

  @Override
  public void close() throws IOException {
    writer.close();
  }
}
