package dev.adjoint.tck;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Another JVM, for tests of what ends a process or is decided when one starts. It is of the JDK
 * that runs this one.
 */
public final class ForkedJvm {
  /** Lets the library call native code. */
  public static final String NATIVE_ACCESS = "--enable-native-access=ALL-UNNAMED";

  private ForkedJvm() {}

  /**
   * A JVM that has come to its end.
   *
   * @param exitCode that it ended with
   * @param output what it printed, with what it printed as errors
   */
  public record Ended(int exitCode, String output) {}

  /** The class path of this JVM's tests. */
  public static String classPath() {
    return System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
  }

  /**
   * A JVM that may call native code and runs a class of this one's class path; not started yet.
   *
   * @param options of the JVM, before the class's name
   */
  public static ProcessBuilder of(List<String> options, Class<?> main, String... arguments) {
    return of(options, classPath(), main, arguments);
  }

  /** As the other, with another class path. */
  public static ProcessBuilder of(
      List<String> options, String classPath, Class<?> main, String... arguments) {
    List<String> all = new ArrayList<>(List.of(NATIVE_ACCESS));
    all.addAll(options);
    all.addAll(List.of("-cp", classPath, main.getName()));
    all.addAll(List.of(arguments));
    return java(all);
  }

  /** The program {@code java} with these arguments alone; not started yet. */
  public static ProcessBuilder java(List<String> arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(arguments);
    return new ProcessBuilder(command).redirectErrorStream(true);
  }

  /** Starts a process and waits for its end. */
  public static Ended run(ProcessBuilder builder) throws IOException, InterruptedException {
    return end(builder.start());
  }

  /** Waits for the end of a process, and takes what it prints until then. */
  public static Ended end(Process process) throws IOException, InterruptedException {
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Ended(process.waitFor(), output);
  }
}
