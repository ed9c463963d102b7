package dev.adjoint.internal;

import dev.adjoint.Device;
import dev.adjoint.TensorException;
import dev.adjoint.reference.ReferenceProvider;
import dev.adjoint.spi.BackendProvider;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.concurrent.ConcurrentHashMap;

/** Finds backends by {@link ServiceLoader} and opens each device once. */
public final class Backends {
  private static final System.Logger LOG = System.getLogger("dev.adjoint");
  private static final Map<Device, DeviceContext> OPEN = new ConcurrentHashMap<>();
  private static volatile Device defaultDevice =
      Device.of(System.getProperty("adjoint.device", "cpu"));

  private Backends() {}

  /** Every provider, the reference first. */
  public static List<BackendProvider> providers() {
    List<BackendProvider> all = new ArrayList<>();
    all.add(new ReferenceProvider());
    ServiceLoader.load(BackendProvider.class, Backends.class.getClassLoader()).forEach(all::add);
    return all;
  }

  /** The opened device; throws with the reason if it cannot be used. */
  public static DeviceContext of(Device device) {
    DeviceContext open = OPEN.get(device);
    return open != null ? open : OPEN.computeIfAbsent(device, Backends::open);
  }

  private static DeviceContext open(Device device) {
    for (BackendProvider provider : providers()) {
      if (provider.type().equals(device.type())) {
        return new DeviceContext(device, provider.open(device));
      }
    }
    throw new TensorException(
        "device: no backend for "
            + device
            + " on the class path or module path (looked for a "
            + BackendProvider.class.getName()
            + " of type '"
            + device.type()
            + "'); add adjoint-"
            + (device.type().equals("cuda") ? "cuda" : "native-cpu")
            + ", or run in plain Java with -Dadjoint.device=reference");
  }

  public static Device defaultDevice() {
    return defaultDevice;
  }

  public static void setDefaultDevice(Device device) {
    of(device);
    defaultDevice = device;
  }

  /** A GPU if one works, else the CPU; never the reference. */
  public static Device best() {
    return Best.DEVICE;
  }

  private static final class Best {
    static final Device DEVICE = choose();

    private static Device choose() {
      List<BackendProvider> all = providers();
      for (String type : List.of("cuda", "cpu")) {
        for (BackendProvider provider : all) {
          if (provider.type().equals(type) && !provider.devices().isEmpty()) {
            Device device = provider.devices().get(0);
            LOG.log(
                System.Logger.Level.INFO, "Device.best(): " + of(device).backend().description());
            return device;
          }
        }
      }
      return Device.CPU; // opening it says why it does not work
    }
  }
}
