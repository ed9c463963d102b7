package dev.adjoint.tck;

import dev.adjoint.Device;

final class ReferenceGoldenTest extends GoldenContract {
  ReferenceGoldenTest() {
    super(Device.REFERENCE);
  }
}
