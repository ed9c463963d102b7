package dev.adjoint.cuda;

import dev.adjoint.Device;
import dev.adjoint.tck.BackendContract;
import java.util.List;
import org.junit.jupiter.api.Tag;

/** Every kernel on a GPU, simulated or not; {@code -Dadjoint.cuda.every=1} checks every case. */
@Tag("device")
final class CudaContractTest extends BackendContract {
  private static final int EVERY = Integer.getInteger("adjoint.cuda.every", 23);

  CudaContractTest() {
    super(List.of(new CudaProvider().open(new Device("cuda", "0"))), EVERY);
  }
}
