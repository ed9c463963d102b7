package dev.adjoint.nativecpu;

import dev.adjoint.TensorException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An instruction-set level that kernels are compiled for.
 *
 * @param name such as {@code x86-64-v3}
 * @param lacks what this machine lacks for it; null if it can run it
 */
record Variant(String name, @Nullable String lacks) {
  /** Reads what {@code adj_probe} answers: a line for each variant, the best one last. */
  static List<Variant> parse(String probe) {
    return probe.lines().map(Variant::parseLine).toList();
  }

  private static Variant parseLine(String line) {
    int space = line.indexOf(' ');
    String answer = line.substring(space + 1);
    if (space > 0 && answer.equals("yes")) {
      return new Variant(line.substring(0, space), null);
    }
    if (space > 0 && answer.startsWith("no: ")) {
      return new Variant(line.substring(0, space), answer.substring("no: ".length()));
    }
    throw new TensorException("cpu: the probe answered '" + line + "'");
  }

  String fileName() {
    return "libadjoint_" + name + ".so";
  }
}
