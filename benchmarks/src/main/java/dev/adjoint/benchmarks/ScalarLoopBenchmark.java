package dev.adjoint.benchmarks;

import dev.adjoint.Device;
import dev.adjoint.Scope;
import dev.adjoint.Tensor;
import dev.adjoint.autograd.CapturedStep;
import dev.adjoint.autograd.GradMode;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What one iteration of gradient descent on one number costs: only overhead, since there is nothing
 * to compute. loss = (2w − 3)², w −= lr · ∇loss.
 */
@State(org.openjdk.jmh.annotations.Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class ScalarLoopBenchmark {
  private final Tensor w = Tensor.of(1f).requiresGrad_(true);
  private final CapturedStep captured =
      CapturedStep.record(
          Device.CPU,
          () -> {
            step();
            return List.of();
          });

  private void step() {
    w.zeroGrad();
    Tensor loss = w.mul(2).sub(3).square();
    loss.backward();
    try (var _ = GradMode.off()) {
      w.sub_(Objects.requireNonNull(w.grad()).mul(1e-9));
    }
  }

  /** Eager, every tensor freed at the end of its iteration. */
  @Benchmark
  public void eager() {
    Scope.run(this::step);
  }

  /** The same kernels, replayed. */
  @Benchmark
  public void captured() {
    captured.replay();
  }
}
