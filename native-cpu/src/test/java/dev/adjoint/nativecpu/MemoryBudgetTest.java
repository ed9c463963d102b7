package dev.adjoint.nativecpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MemoryBudgetTest {
  private static final long MIB = 1 << 20;

  @TempDir Path root;

  @BeforeEach
  void machineWith8GiBAvailable() throws IOException {
    write("proc/meminfo", "MemTotal:       16777216 kB\nMemAvailable:    8388608 kB\n");
  }

  private void write(String file, String text) throws IOException {
    Path path = root.resolve(file);
    Files.createDirectories(path.getParent());
    Files.writeString(path, text);
  }

  @Test
  void withoutControlGroupsWhatIsAvailableCounts() {
    assertEquals(8192 * MIB, MemoryBudget.available(root));
  }

  @Test
  void version2TakesTheLeastOfAllAncestors() throws IOException {
    write("proc/self/cgroup", "0::/user.slice/app.scope\n");
    write("sys/fs/cgroup/user.slice/app.scope/memory.max", "max\n");
    write("sys/fs/cgroup/user.slice/memory.max", 512 * MIB + "\n");
    assertEquals(512 * MIB, MemoryBudget.available(root));
  }

  @Test
  void version2InsideAContainer() throws IOException {
    write("proc/self/cgroup", "0::/../../outside\n");
    write("sys/fs/cgroup/memory.max", 256 * MIB + "\n");
    assertEquals(256 * MIB, MemoryBudget.available(root));
  }

  @Test
  void version1WhosePathIsTheHosts() throws IOException {
    write("proc/self/cgroup", "5:cpu,cpuacct:/docker/a\n4:memory:/docker/a\n0::/\n");
    write("sys/fs/cgroup/memory/memory.limit_in_bytes", 1024 * MIB + "\n");
    assertEquals(1024 * MIB, MemoryBudget.available(root));
  }

  @Test
  void version1WithoutALimit() throws IOException {
    write("proc/self/cgroup", "4:memory:/a\n");
    write("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "9223372036854771712\n");
    assertEquals(8192 * MIB, MemoryBudget.available(root));
  }

  @Test
  void whatTheGroupUsesAlreadyIsNotAvailable() throws IOException {
    write("proc/self/cgroup", "0::/app\n");
    write("sys/fs/cgroup/app/memory.max", 400 * MIB + "\n");
    write("sys/fs/cgroup/app/memory.current", 300 * MIB + "\n");
    assertEquals(100 * MIB, MemoryBudget.available(root));
    String cached = "inactive_file " + 100 * MIB + "\nactive_file " + 20 * MIB + "\n";
    write("sys/fs/cgroup/app/memory.stat", "anon 1\n" + cached);
    assertEquals(210 * MIB, MemoryBudget.available(root));
    write("sys/fs/cgroup/app/memory.high", 350 * MIB + "\n");
    assertEquals(160 * MIB, MemoryBudget.available(root));
    write("sys/fs/cgroup/app/memory.high", 50 * MIB + "\n");
    assertEquals(0, MemoryBudget.available(root));
  }

  @Test
  void version1WithUsage() throws IOException {
    write("proc/self/cgroup", "4:memory:/a\n");
    write("sys/fs/cgroup/memory/a/memory.limit_in_bytes", 400 * MIB + "\n");
    write("sys/fs/cgroup/memory/a/memory.usage_in_bytes", 200 * MIB + "\n");
    write(
        "sys/fs/cgroup/memory/a/memory.stat",
        "inactive_file 7\ntotal_inactive_file " + 30 * MIB + "\ntotal_active_file 0\n");
    assertEquals(230 * MIB, MemoryBudget.available(root));
  }

  @Test
  void leavesAFifthOrWhatTheJvmMayStillTake() {
    assertEquals(800 * MIB, MemoryBudget.bytes(1000 * MIB, 100 * MIB));
    assertEquals(700 * MIB, MemoryBudget.bytes(1000 * MIB, 300 * MIB));
    long growth = MemoryBudget.jvmGrowth(160 * MIB, 20 * MIB);
    assertEquals((140 + 10 + 96) * MIB, growth, "heap, collector's tables, the rest");
  }

  @Test
  void aContainerThatIsTooSmallGetsTheLeastAndAWarning() {
    assertEquals(32 * MIB, MemoryBudget.bytes(100 * MIB, 90 * MIB));
    assertEquals(32 * MIB, MemoryBudget.bytes(0, 90 * MIB));
  }

  @Test
  void budgetOfThisMachine() {
    assertTrue(MemoryBudget.bytes() > 0);
    assertTrue(MemoryBudget.bytes() < MemoryBudget.available(Path.of("/")));
  }
}
