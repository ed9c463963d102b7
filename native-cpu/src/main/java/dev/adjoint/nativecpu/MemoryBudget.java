package dev.adjoint.nativecpu;

import dev.adjoint.TensorException;
import dev.adjoint.spi.MemoryLimit;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/**
 * How much memory tensors may take: 80 % of what is available now or of the container's limit,
 * whichever is less. Under overcommit malloc does not fail, the process is killed; so the line is
 * drawn before.
 */
final class MemoryBudget {
  private MemoryBudget() {}

  /**
   * The budget in bytes.
   *
   * @throws TensorException if the user has set it to something that is no size
   */
  static long bytes() {
    return MemoryLimit.configured(() -> available(Path.of("/")) / 5 * 4);
  }

  /** The least of MemAvailable and the limits of all control groups that this process is in. */
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
        Path mount = root.resolve("sys/fs/cgroup");
        least = Math.min(least, limit(mount, fields[2], "memory.max"));
      } else if (Arrays.asList(fields[1].split(",")).contains("memory")) {
        Path mount = root.resolve("sys/fs/cgroup/memory");
        least = Math.min(least, limit(mount, fields[2], "memory.limit_in_bytes"));
      }
    }
    return least;
  }

  /**
   * The least limit from a group up to the mount. Inside a container the path may be the host's and
   * not exist; what is mounted is then the container's own group.
   */
  private static long limit(Path mount, String group, String file) {
    long least = Long.MAX_VALUE;
    Path own = mount.resolve("." + group).normalize();
    Path folder = own.startsWith(mount) ? own : mount;
    for (; folder != null && folder.startsWith(mount); folder = folder.getParent()) {
      for (String line : lines(folder.resolve(file))) {
        if (!line.equals("max")) {
          least = Math.min(least, Long.parseLong(line.strip()));
        }
      }
    }
    return least;
  }

  private static List<String> lines(Path file) {
    try {
      return Files.readAllLines(file);
    } catch (IOException e) {
      return List.of(); // not every system has every file
    }
  }
}
