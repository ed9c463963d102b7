package dev.adjoint.cli;

import dev.adjoint.Adjoint;
import dev.adjoint.Device;
import dev.adjoint.TensorException;
import dev.adjoint.spi.BackendProvider;
import dev.adjoint.spi.BackendProviders;
import dev.adjoint.tck.SelfTest;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

@Command(
    name = "doctor",
    description = "Say what this machine offers, what is used of it and why, and test it.")
final class DoctorCommand implements Callable<Integer> {
  private static final String NO_MEMORY_LIMIT = "no memory limit";
  private static final Duration SELF_TEST_LIMIT = Duration.ofSeconds(1);

  @Mixin private DeviceOptions device = new DeviceOptions();

  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    machine(out);
    Device chosen;
    try {
      chosen = device.open();
    } catch (TensorException e) {
      backends(out);
      out.println();
      out.println("FAIL  " + e.getMessage());
      return 1;
    }
    backends(out);
    out.println();
    line(out, "device", chosen.toString());
    line(out, "memory", gib(Adjoint.memory(chosen).budget()) + " may be used by tensors");
    boolean passed = selfTest(chosen, out);
    for (Device gpu : gpus()) {
      passed &= gpu.equals(chosen) || selfTest(gpu, out);
    }
    return passed ? 0 : 1;
  }

  /** Every GPU that can be used, chosen or not: drivers change under a program. */
  private static List<Device> gpus() {
    return BackendProviders.find().ofType("cuda").stream()
        .flatMap(provider -> provider.devices().stream())
        .toList();
  }

  private static void machine(PrintWriter out) {
    line(out, "Adjoint", Version.current());
    line(
        out,
        "Java",
        Runtime.version() + ", " + property("java.vendor") + ", " + property("java.home"));
    line(
        out,
        "system",
        property("os.name") + " " + property("os.version") + ", " + property("os.arch"));
    line(out, "processor", processor());
    line(out, "processors", Runtime.getRuntime().availableProcessors() + " for this JVM");
    line(out, "container", containerLimits());
  }

  private static void backends(PrintWriter out) {
    BackendProviders found = BackendProviders.find();
    for (BackendProvider provider : found.usable()) {
      out.println();
      out.println(provider.type());
      provider.report().forEach(text -> out.println("  " + text));
    }
    if (!found.problems().isEmpty()) {
      out.println();
      out.println("problems");
      found.problems().forEach(text -> out.println("  " + text));
    }
  }

  private static boolean selfTest(Device device, PrintWriter out) {
    if (device.equals(Device.REFERENCE)) {
      line(out, "self-test", "PASS  the reference is what others are held to");
      return true;
    }
    SelfTest.Result result;
    try {
      result = SelfTest.run(device, SELF_TEST_LIMIT);
    } catch (TensorException e) {
      line(out, "self-test", "FAIL  " + device + ": " + e.getMessage());
      return false;
    }
    boolean passed = result.failures().isEmpty();
    line(
        out,
        "self-test",
        String.format(
            Locale.ROOT,
            "%s  %s: %d operations and their gradients against the reference, largest error %.1e (%s)",
            passed ? "PASS" : "FAIL",
            device,
            result.operations(),
            result.largestError(),
            result.worst()));
    result.failures().forEach(text -> out.println("  " + text));
    return passed;
  }

  private static String processor() {
    return lines(Path.of("/proc/cpuinfo")).stream()
        .filter(line -> line.startsWith("model name") || line.startsWith("CPU implementer"))
        .findFirst()
        .map(line -> line.substring(line.indexOf(':') + 1).strip())
        .orElse("unknown");
  }

  /** The limits of the control group, of version 2 or 1, that a container sees as its own. */
  private static String containerLimits() {
    Path group = Path.of("/sys/fs/cgroup");
    String memory =
        first(
            group.resolve("memory.max"),
            first(group.resolve("memory/memory.limit_in_bytes"), "max"));
    String[] quota = first(group.resolve("cpu.max"), "max").split(" ", -1);
    return memoryLimit(memory) + ", " + processorLimit(quota);
  }

  private static String memoryLimit(String limit) {
    try {
      long bytes = Long.parseLong(limit);
      // Version 1 writes "no limit" as the largest number of whole pages.
      return bytes > Long.MAX_VALUE / 2 ? NO_MEMORY_LIMIT : "memory " + gib(bytes);
    } catch (NumberFormatException e) {
      return NO_MEMORY_LIMIT; // "max"
    }
  }

  private static String processorLimit(String[] quota) {
    if (quota.length == 2) {
      try {
        double processors = Double.parseDouble(quota[0]) / Double.parseDouble(quota[1]);
        return String.format(Locale.ROOT, "%.2f processors", processors);
      } catch (NumberFormatException e) {
        // "max"
      }
    }
    return "no processor limit";
  }

  private static String first(Path file, String otherwise) {
    List<String> lines = lines(file);
    return lines.isEmpty() ? otherwise : lines.getFirst().strip();
  }

  private static List<String> lines(Path file) {
    try {
      return Files.readAllLines(file);
    } catch (IOException e) {
      return List.of(); // not every system has every file
    }
  }

  private static String gib(long bytes) {
    return String.format(Locale.ROOT, "%.1f GiB", bytes / (double) (1L << 30));
  }

  private static String property(String name) {
    return System.getProperty(name, "unknown");
  }

  private static void line(PrintWriter out, String name, String value) {
    out.printf(Locale.ROOT, "%-11s %s%n", name, value);
  }
}
