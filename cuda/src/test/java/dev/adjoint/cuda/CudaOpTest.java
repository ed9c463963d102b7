package dev.adjoint.cuda;

import dev.adjoint.Device;
import dev.adjoint.tck.OpContract;

/** Every operation on the simulated device. */
final class CudaOpTest extends OpContract {
  CudaOpTest() {
    super(new Device("cuda", "0"));
  }
}
