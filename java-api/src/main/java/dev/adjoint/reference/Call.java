package dev.adjoint.reference;

import dev.adjoint.spi.KernelCall;

/**
 * A kernel call whose body is Java code.
 *
 * @param kernel the kernel's name
 * @param body what running it does
 */
record Call(String kernel, Runnable body) implements KernelCall {
  @Override
  public void run() {
    body.run();
  }
}
