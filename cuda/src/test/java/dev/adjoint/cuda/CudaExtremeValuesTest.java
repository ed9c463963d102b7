package dev.adjoint.cuda;

import dev.adjoint.Device;
import dev.adjoint.tck.ExtremeValuesContract;
import org.junit.jupiter.api.Tag;

/** The ends of the number range on a GPU, simulated or not. */
@Tag("device")
final class CudaExtremeValuesTest extends ExtremeValuesContract {
  CudaExtremeValuesTest() {
    super(new Device("cuda", "0"));
  }
}
