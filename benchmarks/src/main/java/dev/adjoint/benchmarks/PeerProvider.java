package dev.adjoint.benchmarks;

import java.util.List;
import java.util.Map;

/**
 * A library that can be compared, found by {@link java.util.ServiceLoader}. Each pair of a setting
 * and a number of threads runs in a JVM of its own, on the class path of the harness.
 */
public interface PeerProvider {
  /** The number of threads of what computes on a GPU. */
  int ON_GPU = 0;

  /** What it is called on the command line: {@code libtorch}, {@code native-cpu}. */
  String name();

  /** Whether it computes on a GPU: then on {@link #ON_GPU} threads and on larger cases. */
  default boolean isGpu() {
    return false;
  }

  /** Whether the start of the worker's JVM is that of the library. */
  default boolean startsWithJvm() {
    return true;
  }

  /**
   * The ways to start its process; the first one is what a bare {@link #name} means to {@code
   * --backends}. {@code --peers} takes all of them.
   *
   * @param threads how many threads it is to compute with
   * @throws IllegalStateException with the reason, and what would help, if it cannot run here
   */
  List<Setting> settings(int threads);

  /** Opens the library, in the process that was started for the setting. */
  Peer open(Setting setting, int threads);

  /**
   * How a process is started.
   *
   * @param name what is shown behind the library's name; empty if there is only one setting
   * @param environment variables that it gets besides those of the harness
   * @param jvmOptions options of its JVM
   */
  record Setting(String name, Map<String, String> environment, List<String> jvmOptions) {}
}
