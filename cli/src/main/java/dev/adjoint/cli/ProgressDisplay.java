package dev.adjoint.cli;

import dev.adjoint.train.Trainer.Progress;
import java.io.Console;
import java.io.File;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Locale;
import java.util.NoSuchElementException;
import java.util.Scanner;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** Shows how far a run is: a bar on a terminal, now and then a line elsewhere. */
interface ProgressDisplay extends AutoCloseable {
  /** After each step. */
  void show(Progress step);

  @Override
  void close();

  /**
   * What suits the output.
   *
   * @param done steps before
   * @param all steps of the whole run
   */
  @SuppressWarnings("SystemConsoleNull") // since JDK 25 it is null again where there is no terminal
  static ProgressDisplay of(PrintWriter print, long done, long all) {
    Console console = System.console();
    return console != null && console.isTerminal()
        ? new Bar(done, all)
        : new Lines(print, done, all);
  }

  /** A bar that is drawn anew several times a second. */
  final class Bar implements ProgressDisplay {
    private final ProgressBar bar;
    private double validation = Double.NaN;

    Bar(long done, long all) {
      bar =
          new ProgressBarBuilder()
              .setTaskName("training")
              .setInitialMax(all)
              .startsFrom(done, Duration.ZERO)
              .setUpdateIntervalMillis(250)
              .setStyle(ProgressBarStyle.ASCII)
              .setConsumer(new ConsoleProgressBarConsumer(System.out, terminalWidth() - 1))
              .build();
    }

    /**
     * Columns of the terminal. Asked for here and not by the progress bar, whose terminal library
     * would set SIGINT back to killing the process at once, and nothing would be saved.
     */
    private static int terminalWidth() {
      try {
        Process stty =
            new ProcessBuilder("stty", "size")
                .redirectInput(new File("/dev/tty"))
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        try (Scanner size = new Scanner(stty.getInputStream(), StandardCharsets.US_ASCII)) {
          size.nextInt(); // rows
          return Math.max(40, size.nextInt());
        }
      } catch (IOException | NoSuchElementException e) {
        return 80; // no stty, or no answer
      }
    }

    @Override
    public void show(Progress step) {
      validation = step.validationLoss().orElse(validation);
      bar.setExtraMessage(
          String.format(
              Locale.ROOT,
              " loss %.3f%s, rate %.1e, %,.0f/s",
              step.loss(),
              Double.isNaN(validation) ? "" : String.format(Locale.ROOT, " (%.3f)", validation),
              step.learningRate(),
              step.targetsPerSecond()));
      bar.stepTo(step.step());
    }

    @Override
    public void close() {
      bar.close();
    }
  }

  /** A line with each validation, and one every few seconds. */
  final class Lines implements ProgressDisplay {
    private static final double SECONDS_BETWEEN = 10;

    private final PrintWriter print;
    private final long done;
    private final long all;
    private final long start = System.nanoTime();
    private double shownAt = Double.NEGATIVE_INFINITY;

    Lines(PrintWriter print, long done, long all) {
      this.print = print;
      this.done = done;
      this.all = all;
    }

    @Override
    public void show(Progress step) {
      double seconds = (System.nanoTime() - start) * 1e-9;
      if (step.validationLoss().isEmpty() && seconds < shownAt + SECONDS_BETWEEN) {
        return;
      }
      shownAt = seconds;
      double left = seconds / (step.step() - done) * (all - step.step());
      print.printf(
          Locale.ROOT,
          "step %d/%d  loss %.4f%s  rate %.2e  norm %.2f  %,.0f tokens/s  %d:%02d left%n",
          step.step(),
          all,
          step.loss(),
          step.validationLoss().isPresent()
              ? String.format(Locale.ROOT, "  validation %.4f", step.validationLoss().getAsDouble())
              : "",
          step.learningRate(),
          step.gradientNorm(),
          step.targetsPerSecond(),
          (long) left / 60,
          (long) left % 60);
    }

    @Override
    public void close() {
      // every line is complete
    }
  }
}
