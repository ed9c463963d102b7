package dev.adjoint.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
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
