package dev.adjoint.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

/** Runs that end before anything is measured. */
class BenchTest {
  private final StringWriter errors = new StringWriter();

  private int run(String... args) {
    CommandLine bench = Bench.commandLine().setErr(new PrintWriter(errors, true));
    return bench.execute(args);
  }

  @Test
  void backendThatDoesNotWorkHere() {
    assumeTrue(AdjointProviders.provider("cuda").devices().isEmpty(), "there is a GPU");
    assertEquals(CommandLine.ExitCode.SOFTWARE, run("--backends", "native-cpu,cuda"));
    assertTrue(errors.toString().startsWith("adjoint: cuda: "), errors::toString);
  }

  /** The launcher prints the file, so that help needs no build. */
  @Test
  void theHelpIsInAFileToo() throws IOException {
    StringWriter out = new StringWriter();
    CommandLine bench = Bench.commandLine().setUsageHelpAutoWidth(false).setUsageHelpWidth(80);
    bench.setOut(new PrintWriter(out, true)).execute("--help");
    try (InputStream file = Bench.class.getResourceAsStream("help.txt")) {
      String text = new String(Objects.requireNonNull(file).readAllBytes(), StandardCharsets.UTF_8);
      assertEquals(out.toString(), text);
    }
  }

  @Test
  void nothingToMeasure() {
    assertEquals(CommandLine.ExitCode.USAGE, run("--filter", "no case is called so"));
    assertTrue(errors.toString().startsWith("adjoint: nothing to measure"), errors::toString);
    for (String name : List.of("gpt2-b4-t64-adamw-captured-bf16", Session.START_UP)) {
      assertTrue(errors.toString().contains(" " + name + " "), errors::toString);
    }
    assertEquals(2, errors.toString().lines().count(), errors::toString);
  }

  @Test
  void wrongUsageIsToldInOneLine() {
    for (String[] args :
        new String[][] {
          {"--suite", "none"},
          {"--filter", "("},
          {"--threads", "0"},
          {"--threads", "1025"},
          {"--out", ""},
          {"--out", "a\0b"},
          {"@file"},
          {"--backends", "none"}
        }) {
      errors.getBuffer().setLength(0);
      assertEquals(CommandLine.ExitCode.USAGE, run(args), errors::toString);
      assertTrue(errors.toString().startsWith("adjoint: "), errors::toString);
      assertEquals(1, errors.toString().lines().count(), errors::toString);
    }
  }
}
