package dev.adjoint.tck;

import dev.adjoint.Device;

/** Derivatives, layouts and definitions of all operations, on the reference. */
class ReferenceOpTest extends OpContract {
  @Override
  protected Device device() {
    return Device.REFERENCE;
  }
}
