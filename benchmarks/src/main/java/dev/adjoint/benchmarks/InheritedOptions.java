package dev.adjoint.benchmarks;

import java.util.List;

/** System properties of the harness that its workers get too. */
final class InheritedOptions {
  private InheritedOptions() {}

  /** Those whose names start so, as options of a JVM. */
  static List<String> startingWith(String prefix) {
    return System.getProperties().stringPropertyNames().stream()
        .filter(name -> name.startsWith(prefix))
        .sorted()
        .map(name -> "-D" + name + "=" + System.getProperty(name))
        .toList();
  }
}
