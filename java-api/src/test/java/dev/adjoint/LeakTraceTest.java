package dev.adjoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The switch is read when the library starts, so each test starts a JVM. */
class LeakTraceTest {
  /** What the other JVM runs. */
  static final class Leaky {
    private Leaky() {}

    @SuppressWarnings("SystemOut")
    public static void main(String[] args) {
      Tensor leaked = forgetToClose();
      System.out.println(Adjoint.liveStorages(leaked.device()));
    }

    private static Tensor forgetToClose() {
      return Tensor.zeros(3, 5);
    }
  }

  private static String run(String... options) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of(options));
    command.add("-Dadjoint.device=reference");
    command.add("-cp");
    command.add(folderOf(Tensor.class) + File.pathSeparator + folderOf(Leaky.class));
    command.add(Leaky.class.getName());
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), output);
    return output;
  }

  private static String folderOf(Class<?> type) {
    return Path.of(URI.create(type.getProtectionDomain().getCodeSource().getLocation().toString()))
        .toString();
  }

  @Test
  void tracingSaysWhereATensorWasBorn() throws IOException, InterruptedException {
    String output = run("-Dadjoint.leaks=trace");
    assertTrue(output.contains("F32 [3, 5]"), output);
    assertTrue(output.contains("forgetToClose"), output);
  }

  @Test
  void withoutItOnlyWhatItIs() throws IOException, InterruptedException {
    String output = run();
    assertTrue(output.contains("F32 [3, 5]") && !output.contains("forgetToClose"), output);
  }
}
