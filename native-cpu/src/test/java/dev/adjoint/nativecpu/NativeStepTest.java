package dev.adjoint.nativecpu;

import dev.adjoint.Device;
import dev.adjoint.tck.StepContract;

final class NativeStepTest extends StepContract {
  NativeStepTest() {
    super(Device.CPU, 1000);
  }
}
