package dev.adjoint.cuda;

import dev.adjoint.Device;
import dev.adjoint.tck.GoldenContract;
import org.junit.jupiter.api.Tag;

/** Curves of another library, met on a GPU, simulated or not. */
@Tag("device")
final class CudaGoldenTest extends GoldenContract {
  CudaGoldenTest() {
    super(new Device("cuda", "0"));
  }
}
