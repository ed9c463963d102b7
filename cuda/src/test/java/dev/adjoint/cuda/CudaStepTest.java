package dev.adjoint.cuda;

import dev.adjoint.Device;
import dev.adjoint.tck.StepContract;
import org.junit.jupiter.api.Tag;

/** Training on a GPU, simulated or not. */
@Tag("device")
final class CudaStepTest extends StepContract {
  CudaStepTest() {
    super(new Device("cuda", "0"), 40, 20_000);
  }
}
