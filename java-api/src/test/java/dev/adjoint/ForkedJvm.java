package dev.adjoint;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Another JVM with this one's class path: for what a process does to another, or to itself. Other
 * modules have the TCK's, which is built after this module.
 */
public final class ForkedJvm {
  private ForkedJvm() {}

  /** Starts a class; what it prints goes into one stream. */
  public static Process start(List<String> options, Class<?> main, String... arguments)
      throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-Xmx256m"));
    command.addAll(options);
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
    command.addAll(List.of(arguments));
    return new ProcessBuilder(command).redirectErrorStream(true).start();
  }

  /** Runs a class to its end; returns what it printed, and after that its exit code. */
  public static String run(List<String> options, Class<?> main, String... arguments)
      throws IOException, InterruptedException {
    Process process = start(options, main, arguments);
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return output + "exit " + process.waitFor();
  }

  /**
   * What a class prints on the reference device, unless options say otherwise; it ends normally.
   */
  static String output(Class<?> main, String... options) throws IOException, InterruptedException {
    List<String> all = new ArrayList<>(List.of("-Dadjoint.device=reference"));
    all.addAll(List.of(options));
    String output = run(all, main);
    assertTrue(output.endsWith("exit 0"), output);
    return output.substring(0, output.length() - "exit 0".length());
  }
}
