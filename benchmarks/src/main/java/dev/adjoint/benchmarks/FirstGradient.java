package dev.adjoint.benchmarks;

import dev.adjoint.benchmarks.WorkerProcess.Backend;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/** The program of a process that starts, computes one gradient, says so and ends. */
public final class FirstGradient {
  private static final String DONE = Worker.MARK + "gradient";
  private static final String ABSENT = Worker.MARK + "absent";

  private FirstGradient() {}

  /**
   * Computes it.
   *
   * @param args as of {@link Worker}
   */
  public static void main(String[] args) {
    PeerProvider provider = Worker.provider(args[0]);
    int threads = Integer.parseInt(args[2]);
    Peer peer = provider.open(Worker.setting(provider, args[1], threads), threads);
    Case step = new StepCase(StepCase.Model.SCALAR_LOOP, StepCase.Optimizer.SGD);
    Optional<Workload> workload = peer.prepare(step);
    workload.ifPresent(w -> w.run(1));
    System.out.println(workload.isPresent() ? DONE : ABSENT);
    System.exit(0);
  }

  /**
   * Seconds from the start of the process to its gradient; NaN if the peer has none.
   *
   * @throws IOException if there was no answer
   */
  static double time(Backend backend) throws IOException {
    ProcessBuilder builder = WorkerProcess.builder(backend, FirstGradient.class);
    builder.redirectError(ProcessBuilder.Redirect.DISCARD);
    long start = System.nanoTime();
    Process process = builder.start();
    try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        if (line.equals(DONE)) {
          return (System.nanoTime() - start) * 1e-9;
        }
        if (line.equals(ABSENT)) {
          return Double.NaN;
        }
      }
    } finally {
      process.destroy();
    }
    throw new IOException("the process ended without a gradient");
  }
}
