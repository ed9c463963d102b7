package dev.adjoint.benchmarks;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** How much memory this process has, in bytes. */
final class ResidentMemory {
  private ResidentMemory() {}

  /** The most that it ever had. */
  static long peakBytes() {
    return bytes("VmHWM:");
  }

  /** What it has now. */
  static long bytes() {
    return bytes("VmRSS:");
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
}
