package dev.adjoint.cuda;

import dev.adjoint.Device;
import dev.adjoint.tck.OpContract;
import org.junit.jupiter.api.Tag;

/** Every operation on a GPU, simulated or not. */
@Tag("device")
final class CudaOpTest extends OpContract {
  CudaOpTest() {
    super(new Device("cuda", "0"));
  }
}
