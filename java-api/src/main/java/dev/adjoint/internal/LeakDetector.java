package dev.adjoint.internal;

import java.util.stream.Collectors;

/** Remembers where each storage was born, under {@code -Dadjoint.leaks=trace}. */
final class LeakDetector {
  static final boolean ENABLED = "trace".equals(System.getProperty("adjoint.leaks"));

  private LeakDetector() {}

  static String describe(Object label) {
    return label
        + StackWalker.getInstance()
            .walk(
                frames ->
                    frames
                        .filter(f -> !f.getClassName().startsWith("dev.adjoint.internal."))
                        .limit(12)
                        .map(f -> "\n      at " + f)
                        .collect(Collectors.joining()));
  }
}
