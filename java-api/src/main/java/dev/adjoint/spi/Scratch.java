package dev.adjoint.spi;

/**
 * Where a backend takes working memory from while it makes a call. The memory stays the call's
 * until it has run for the last time.
 */
@FunctionalInterface
public interface Scratch {
  /** A block of at least {@code bytes}, 64-byte aligned, contents undefined. */
  Memory take(long bytes);
}
