package dev.adjoint.tck;

import dev.adjoint.Device;

/** Derivatives, layouts and definitions of all operations, on the reference. */
final class ReferenceOpTest extends OpContract {
  ReferenceOpTest() {
    super(Device.REFERENCE);
  }
}
