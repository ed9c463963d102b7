package dev.adjoint.spi;

/**
 * One kernel with its arguments, ready to run: eager code runs it at once, a captured step stores
 * it. Running it twice does the same twice; it reads its inputs from memory each time.
 */
public interface KernelCall {
  /** The kernel's name, as messages and profiles show it: {@code silu_f32}. */
  String kernel();

  /**
   * Runs the kernel to completion (on a CPU) or enqueues it (on a GPU).
   *
   * @throws KernelStatusException if the kernel ran to completion and refused its input
   */
  void run();
}
