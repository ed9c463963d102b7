package dev.adjoint.cuda;

import dev.adjoint.Device;
import dev.adjoint.tck.StepContract;

/** Training on the simulated device. */
final class CudaStepTest extends StepContract {
  CudaStepTest() {
    super(new Device("cuda", "0"), 25, 20_000);
  }
}
