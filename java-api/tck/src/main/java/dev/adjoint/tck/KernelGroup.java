package dev.adjoint.tck;

import java.util.function.Consumer;

/**
 * The cases of one kernel and type.
 *
 * @param name the kernel's name, {@code silu_f32}
 * @param sweep goes through the cases
 */
public record KernelGroup(String name, Sweep sweep) {
  /** Makes cases one at a time, for they are many and each holds its data. */
  @FunctionalInterface
  public interface Sweep {
    /** Hands every case to {@code check}. */
    void forEach(Consumer<KernelCase> check);
  }
}
