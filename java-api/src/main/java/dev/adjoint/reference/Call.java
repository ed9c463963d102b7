package dev.adjoint.reference;

import dev.adjoint.DType;
import dev.adjoint.spi.KernelCall;

/**
 * A kernel call whose body is Java code.
 *
 * @param kernel the kernel's name
 * @param body what running it does
 */
record Call(String kernel, Runnable body) implements KernelCall {
  /** A call of the kernel {@code name_dtype}. */
  static Call of(String name, DType dtype, Runnable body) {
    return new Call(name + "_" + dtype.suffix(), body);
  }

  @Override
  public void run() {
    body.run();
  }
}
