package dev.adjoint.nativecpu;

import dev.adjoint.TensorException;
import dev.adjoint.spi.MemoryLimit;
import dev.adjoint.spi.NativeFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/**
 * How much memory tensors may take: what is available now to this process, less a fifth, or less
 * what the JVM itself may still take if that is more. Under overcommit malloc does not fail, the
 * process is killed; so the line is drawn before.
 */
final class MemoryBudget {
  private static final long MIB = 1 << 20;

  /** Below this there is no work to be done, and the warning is better than refusals. */
  private static final long LEAST = 32 * MIB;

  /** What the JVM takes beside its heap: compiled code, classes, threads' stacks. */
  private static final long BESIDE_HEAP = 96 * MIB;

  /** The collector's own tables are up to so large a part of the heap. */
  private static final long HEAP_PER_TABLES = 16;

  private MemoryBudget() {}

  /**
   * The budget in bytes.
   *
   * @throws TensorException if the user has set it to something that is no size
   */
  static long bytes() {
    return MemoryLimit.configured(
        () -> {
          Runtime jvm = Runtime.getRuntime();
          long usedHeap = jvm.totalMemory() - jvm.freeMemory();
          return bytes(available(Path.of("/")), jvmGrowth(jvm.maxMemory(), usedHeap));
        });
  }

  /** The budget where so much is available and the JVM may still take so much of it. */
  static long bytes(long available, long jvmGrowth) {
    long left = available - Math.max(available / 5, jvmGrowth);
    if (left >= LEAST) {
      return left;
    }
    System.getLogger("dev.adjoint")
        .log(
            System.Logger.Level.WARNING,
            "memory: of {0} MiB that are available to this process the JVM may still take {1} MiB,"
                + " so tensors get the least budget, {2} MiB, and the process may be killed; give"
                + " the container more memory, the JVM less (-Xmx), or set -D{3}",
            String.valueOf(available / MIB),
            String.valueOf(jvmGrowth / MIB),
            String.valueOf(LEAST / MIB),
            MemoryLimit.PROPERTY);
    return LEAST;
  }

  /** What a JVM may take beyond what it has now. */
  static long jvmGrowth(long maxHeap, long usedHeap) {
    return maxHeap - usedHeap + maxHeap / HEAP_PER_TABLES + BESIDE_HEAP;
  }

  /** The least of MemAvailable and what all control groups that this process is in have left. */
  static long available(Path root) {
    long least = Long.MAX_VALUE;
    for (String line : lines(root.resolve("proc/meminfo"))) {
      if (line.startsWith("MemAvailable:")) {
        least = Long.parseLong(line.replaceAll("\\D", "")) << 10;
      }
    }
    for (String line : lines(root.resolve("proc/self/cgroup"))) {
      String[] fields = line.split(":", 3); // hierarchy : controllers : path
      if (fields.length < 3) {
        continue;
      }
      if (fields[0].equals("0")) {
        least = Math.min(least, left(root.resolve("sys/fs/cgroup"), fields[2], Version.TWO));
      } else if (Arrays.asList(fields[1].split(",")).contains("memory")) {
        least = Math.min(least, left(root.resolve("sys/fs/cgroup/memory"), fields[2], Version.ONE));
      }
    }
    return Math.max(0, least);
  }

  /**
   * A version of control groups: its files.
   *
   * @param usage what the processes of a group take
   * @param statistics what the names in memory.stat begin with
   * @param limits of which the least counts
   */
  private record Version(String usage, String statistics, List<String> limits) {
    static final Version ONE =
        new Version("memory.usage_in_bytes", "total_", List.of("memory.limit_in_bytes"));
    static final Version TWO =
        new Version("memory.current", "", List.of("memory.max", "memory.high"));
  }

  /**
   * The least from a group up to the mount. Inside a container the path may be the host's and not
   * exist; what is mounted is then the container's own group.
   */
  private static long left(Path mount, String group, Version version) {
    long least = Long.MAX_VALUE;
    Path own = mount.resolve("." + group).normalize();
    Path folder = own.startsWith(mount) ? own : mount;
    for (; folder != null && folder.startsWith(mount); folder = folder.getParent()) {
      long limit = Long.MAX_VALUE;
      for (String file : version.limits) {
        limit = Math.min(limit, number(folder.resolve(file), Long.MAX_VALUE));
      }
      if (limit < Long.MAX_VALUE) {
        least = Math.min(least, limit - used(folder, version));
      }
    }
    return least;
  }

  /**
   * What a group uses and cannot give up. Like MemAvailable, this does not count cached files, but
   * half of those in active use: programs and libraries run from them.
   */
  private static long used(Path group, Version version) {
    long used = number(group.resolve(version.usage), 0);
    for (String line : lines(group.resolve("memory.stat"))) {
      if (line.startsWith(version.statistics + "inactive_file ")) {
        used -= Long.parseLong(line.replaceAll("\\D", ""));
      } else if (line.startsWith(version.statistics + "active_file ")) {
        used -= Long.parseLong(line.replaceAll("\\D", "")) / 2;
      }
    }
    return Math.max(0, used);
  }

  /** What a file of one number says; {@code otherwise} if it is not there or says "max". */
  private static long number(Path file, long otherwise) {
    List<String> lines = lines(file);
    boolean none = lines.isEmpty() || lines.getFirst().equals("max");
    return none ? otherwise : Long.parseLong(lines.getFirst().strip());
  }

  private static List<String> lines(Path file) {
    try {
      return new String(NativeFiles.readAllBytes(file), StandardCharsets.UTF_8).lines().toList();
    } catch (IOException e) {
      return List.of(); // not every system has every file
    }
  }
}
