package dev.adjoint.benchmarks;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.LongSupplier;

/** How much memory this process has. */
final class ResidentMemory {
  /** Runs in a row that take no new memory, if they are short. */
  private static final int STEADY_RUNS = 5;

  private static final long STEADY_NANOS = 2_000_000_000L;

  private static final long MEBIBYTE = 1 << 20;

  private static final long PATIENCE_NANOS = 20_000_000_000L;

  private ResidentMemory() {}

  /** The most that it ever had, in bytes. */
  static long peakBytes() {
    return bytes("VmHWM:");
  }

  private static long bytes(String field) {
    try {
      return Files.readAllLines(Path.of("/proc/self/status")).stream()
          .filter(line -> line.startsWith(field))
          .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) << 10)
          .findFirst()
          .orElseThrow();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Runs until that has taken no new memory for five times or two seconds; twenty seconds at most.
   * An allocator's first blocks are fresh pages, which the system clears one by one: many times the
   * cost of large element-wise operations, and nothing that a program which goes on would see.
   */
  static void settle(Runnable run) {
    settle(run, () -> bytes("VmRSS:"), PATIENCE_NANOS);
  }

  static void settle(Runnable run, LongSupplier residentBytes, long patienceNanos) {
    long start = System.nanoTime();
    long grown = start;
    long most = residentBytes.getAsLong();
    int steady = 0;
    for (long now = start;
        steady < STEADY_RUNS && now - grown < STEADY_NANOS && now - start < patienceNanos;
        now = System.nanoTime()) {
      run.run();
      long bytes = residentBytes.getAsLong();
      steady++;
      if (bytes > most + MEBIBYTE) {
        most = bytes;
        grown = System.nanoTime();
        steady = 0;
      }
    }
  }
}
