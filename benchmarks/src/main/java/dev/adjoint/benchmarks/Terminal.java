package dev.adjoint.benchmarks;

import java.io.Console;
import java.io.PrintWriter;
import java.util.stream.Collectors;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;

/** What is shown while it runs: a line for each figure, and on a terminal a bar below them. */
final class Terminal implements AutoCloseable {
  private static final String CLEAR_LINE = "\r\u001b[K";
  private static final int BAR_WIDTH = 79; // asking the terminal would change its signals

  private final PrintWriter print;
  private final @Nullable ProgressBar bar;
  private String heading = "";

  /**
   * @param print where the lines go
   * @param steps how many there will be
   */
  @SuppressWarnings("SystemConsoleNull") // since JDK 25 it is null again where there is no terminal
  Terminal(PrintWriter print, int steps) {
    this.print = print;
    Console console = System.console();
    bar =
        console != null && console.isTerminal()
            ? new ProgressBarBuilder()
                .setInitialMax(steps)
                .setUpdateIntervalMillis(250)
                .setStyle(ProgressBarStyle.ASCII)
                .setConsumer(new ConsoleProgressBarConsumer(System.err, BAR_WIDTH))
                .build()
            : null;
  }

  private void line(String text) {
    print.println((bar == null ? "" : CLEAR_LINE) + text);
    print.flush();
  }

  void machine(Machine machine) {
    line(machine.title());
    line(machine.details());
  }

  /** Says what comes next. */
  void begin(String name) {
    if (bar != null) {
      bar.setExtraMessage(" " + name);
    }
  }

  /** One of the steps is done. */
  void step() {
    if (bar != null) {
      bar.step();
    }
  }

  /** Shows our own figures beside the peers', and whatever failed. */
  void row(Row row) {
    Row.Subject subject = row.subject();
    if (!subject.own() && !row.failed()) {
      return;
    }
    String next = subject.suite() + ", " + Format.threads(subject.threads());
    if (!next.equals(heading)) {
      heading = next;
      line("");
      line(heading);
    }
    String ratios =
        row.ratios().entrySet().stream()
            .map(entry -> Format.times(entry.getValue()) + " " + entry.getKey())
            .collect(Collectors.joining("  "));
    line(
        "  %-34s %-21s %9s %5s %17s %-22s %s %s"
            .formatted(
                subject.caseId(),
                subject.backend(),
                Format.seconds(row.seconds()),
                row.isTime() ? "±" + Format.percent(row.spread() / 2).replace(" ", "") : "",
                Format.amount(row.rate(), row.unit()),
                row.share(),
                ratios,
                row.remark())
            .stripTrailing());
  }

  void message(String text) {
    line(text);
  }

  @Override
  public void close() {
    if (bar != null) {
      bar.close();
    }
  }
}
