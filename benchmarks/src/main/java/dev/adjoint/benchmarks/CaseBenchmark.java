package dev.adjoint.benchmarks;

import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.Options;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/**
 * One workload under JMH, in this process: the worker is the fork, so that measurements of several
 * workers can take turns.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@SuppressWarnings("NullAway.Init") // JMH calls choose() first
public class CaseBenchmark {
  private static @Nullable Workload current;
  private static int currentRuns;

  private Workload workload;
  private int runs;

  /** Takes what {@link #measure} was given. */
  @Setup
  public void choose() {
    workload = Objects.requireNonNull(current);
    runs = currentRuns;
  }

  /** As many runs as are handed over at once. */
  @Benchmark
  public void run() {
    workload.run(runs);
  }

  /**
   * Measures a workload.
   *
   * @param runs how many are handed over before they are waited for
   * @param warmUpMillis how long it runs before; at least once, unless 0
   * @param iterations how many samples
   * @param millis how long it runs for each sample; at least once
   * @return seconds of one run, one value for each iteration
   */
  static double[] measure(Workload workload, int runs, int warmUpMillis, int iterations, int millis)
      throws RunnerException {
    current = workload;
    currentRuns = runs;
    Options options =
        new OptionsBuilder()
            .include(CaseBenchmark.class.getName() + ".run$")
            .forks(0)
            .warmupIterations(warmUpMillis == 0 ? 0 : 1)
            .warmupTime(TimeValue.milliseconds(Math.max(1, warmUpMillis)))
            .measurementIterations(iterations)
            .measurementTime(TimeValue.milliseconds(millis))
            .verbosity(VerboseMode.SILENT)
            .shouldFailOnError(true)
            .build();
    RunResult result = new Runner(options).runSingle();
    current = null;
    return result.getBenchmarkResults().stream()
        .flatMap(fork -> fork.getIterationResults().stream())
        .map(IterationResult::getPrimaryResult)
        .mapToDouble(primary -> primary.getScore() * 1e-9 / runs)
        .toArray();
  }
}
