package dev.adjoint.internal;

import dev.adjoint.TensorException;
import dev.adjoint.spi.Settings;
import java.util.stream.Collectors;

/** Remembers where each storage was born, under {@code -Dadjoint.leaks=trace}. */
final class LeakDetector {
  private LeakDetector() {}

  /**
   * What the property says.
   *
   * @throws TensorException if it says anything else
   */
  static boolean isEnabled() {
    return Settings.choice("adjoint.leaks", "off", "trace").equals("trace");
  }

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
