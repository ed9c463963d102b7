package dev.adjoint.cuda;

import dev.adjoint.Device;
import dev.adjoint.TensorException;
import dev.adjoint.spi.Backend;
import dev.adjoint.spi.BackendProvider;
import java.util.List;

/** Offers no device yet: this version has no CUDA kernels. It reports what the machine has. */
public final class CudaProvider implements BackendProvider {
  private static final String NO_KERNELS = "this version of Adjoint has no CUDA kernels yet";

  @Override
  public String type() {
    return "cuda";
  }

  /**
   * Refuses every device.
   *
   * @throws TensorException always
   */
  @Override
  public Backend open(Device device) {
    throw new TensorException(
        "device: " + device + " cannot be used: " + NO_KERNELS + "; use --device cpu (Device.CPU)");
  }

  @Override
  public List<Device> devices() {
    return List.of();
  }

  @Override
  public List<String> report() {
    List<String> lines = new CudaSearch().lines();
    lines.add("off: " + NO_KERNELS);
    return lines;
  }
}
