package dev.adjoint.cuda;

import dev.adjoint.Device;
import dev.adjoint.tck.BackendContract;

/** Every kernel on the simulated device; {@code -Dadjoint.cuda.every=1} checks every case. */
final class CudaContractTest extends BackendContract {
  private static final int EVERY = Integer.getInteger("adjoint.cuda.every", 23);

  CudaContractTest() {
    super(new CudaProvider().open(new Device("cuda", "0")), EVERY);
  }
}
