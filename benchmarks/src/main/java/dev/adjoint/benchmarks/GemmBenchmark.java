package dev.adjoint.benchmarks;

import dev.adjoint.Device;
import dev.adjoint.Tensor;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The product of two square float32 matrices, 2·size³ operations; the result's memory is reused.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
@SuppressWarnings("NullAway.Init") // JMH calls create() first
public class GemmBenchmark {
  /** Rows and columns. */
  @Param({"64", "128", "256", "512", "1024"})
  public long size;

  /** Where: any name that {@link Device#of} takes. */
  @Param("cpu")
  public String device = "cpu";

  private Tensor a;
  private Tensor b;

  /** Random matrices. */
  @Setup(Level.Trial)
  public void create() {
    a = Tensor.randn(size, size).to(Device.of(device));
    b = Tensor.randn(size, size).to(Device.of(device));
  }

  /** Frees them. */
  @TearDown(Level.Trial)
  public void close() {
    a.close();
    b.close();
  }

  /** a × b. */
  @Benchmark
  public void matmul() {
    a.matmul(b).close();
  }
}
