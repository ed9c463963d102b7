package dev.adjoint.benchmarks;

/**
 * A piece of overhead inside our own CPU backend, which has nothing to compare: {@code downcall}
 * and {@code critical-downcall} cross into C and back, {@code region} starts and ends one parallel
 * region with nothing in it.
 *
 * @param name which
 */
public record ProbeCase(String name) implements Case {
  private static final String PREFIX = "probe-";

  static boolean isId(String id) {
    return id.startsWith(PREFIX);
  }

  static ProbeCase parse(String id) {
    return new ProbeCase(id.substring(PREFIX.length()));
  }

  @Override
  public String id() {
    return PREFIX + name;
  }

  @Override
  public double operations() {
    return 0;
  }

  @Override
  public double bytesRead() {
    return 0;
  }

  @Override
  public double bytesWritten() {
    return 0;
  }
}
