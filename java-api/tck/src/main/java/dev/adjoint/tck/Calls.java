package dev.adjoint.tck;

import dev.adjoint.spi.Backend;
import dev.adjoint.spi.Kernel;
import dev.adjoint.spi.KernelCall;

/** Calls of single kernels, for tests. */
public final class Calls {
  private Calls() {}

  /**
   * A call of a kernel that needs no scratch.
   *
   * @throws AssertionError if it asks for some
   */
  public static KernelCall of(Backend backend, Kernel kernel) {
    return backend.call(
        kernel,
        bytes -> {
          throw new AssertionError(kernel.symbol() + " asks for " + bytes + " bytes of scratch");
        });
  }
}
