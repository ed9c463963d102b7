package dev.adjoint.reference;

import dev.adjoint.Device;
import dev.adjoint.TensorException;
import dev.adjoint.spi.Backend;
import dev.adjoint.spi.BackendProvider;
import java.util.List;

/** Offers the {@link ReferenceBackend}: always there, on every machine. */
public final class ReferenceProvider implements BackendProvider {
  @Override
  public String type() {
    return Device.REFERENCE.type();
  }

  @Override
  public Backend open(Device device) {
    if (!device.equals(Device.REFERENCE)) {
      throw new TensorException(
          "device: there is no '" + device + "'; the reference device has no variants");
    }
    return new ReferenceBackend();
  }

  @Override
  public List<Device> devices() {
    return List.of(Device.REFERENCE);
  }

  @Override
  public List<String> report() {
    return List.of("reference: plain Java, always available");
  }
}
