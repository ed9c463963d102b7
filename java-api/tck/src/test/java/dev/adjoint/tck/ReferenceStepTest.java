package dev.adjoint.tck;

import dev.adjoint.Device;

final class ReferenceStepTest extends StepContract {
  ReferenceStepTest() {
    super(Device.REFERENCE, 200);
  }
}
