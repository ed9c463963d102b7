package dev.adjoint.spi;

import dev.adjoint.Device;
import dev.adjoint.TensorException;
import java.util.List;

/** Found by {@link java.util.ServiceLoader}: offers the backends of one type of device. */
public interface BackendProvider {
  /** The type of device: {@code cpu}, {@code cuda}. */
  String type();

  /**
   * Opens a device, once per device and JVM.
   *
   * @throws TensorException with the reason and the remedy if it cannot be used
   */
  Backend open(Device device);

  /** Every device of this type that works on this machine, the default one first. */
  List<Device> devices();

  /** What was looked for and found or not, line by line, for {@code doctor}. */
  List<String> report();
}
