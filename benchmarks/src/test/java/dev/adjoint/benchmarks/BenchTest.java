package dev.adjoint.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
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
    assertTrue(errors.toString().startsWith("nothing to measure"), errors::toString);
  }
}
