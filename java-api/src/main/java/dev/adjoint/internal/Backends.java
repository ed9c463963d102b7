package dev.adjoint.internal;

import dev.adjoint.Device;
import dev.adjoint.TensorException;
import dev.adjoint.reference.ReferenceProvider;
import dev.adjoint.spi.Backend;
import dev.adjoint.spi.BackendProvider;
import dev.adjoint.spi.BackendProviders;
import dev.adjoint.spi.Messages;
import dev.adjoint.spi.Settings;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** Finds backends by {@link BackendProviders} and opens each device once. */
public final class Backends {
  private static final System.Logger LOG = System.getLogger("dev.adjoint");
  private static final Map<Device, DeviceContext> OPEN = new ConcurrentHashMap<>();

  /** By the owners of memory. */
  private static final Map<Object, Budget> BUDGETS = new ConcurrentHashMap<>();

  private static final String DEFAULT_PROPERTY = "adjoint.device";

  /** Null until it is asked for: a wrong property must not keep this class from loading. */
  private static volatile @Nullable Device defaultDevice;

  private Backends() {}

  /** Every provider, the reference first. */
  public static List<BackendProvider> providers() {
    List<BackendProvider> all = new ArrayList<>(BackendProviders.find().usable());
    all.addFirst(new ReferenceProvider());
    return all;
  }

  /** The opened device; throws with the reason if it cannot be used. */
  public static DeviceContext of(Device device) {
    DeviceContext open = OPEN.get(device);
    return open != null ? open : OPEN.computeIfAbsent(device, Backends::open);
  }

  private static DeviceContext open(Device device) {
    BackendProviders found = BackendProviders.find();
    BackendProvider provider =
        device.type().equals(Device.REFERENCE.type())
            ? new ReferenceProvider()
            : found
                .ofType(device.type())
                .orElseThrow(
                    () ->
                        new TensorException(
                            "device: no backend for "
                                + device
                                + ": "
                                + found.whyNot(device.type())
                                + "; or run in plain Java with -Dadjoint.device=reference"));
    Backend backend = provider.open(device);
    Budget budget =
        BUDGETS.computeIfAbsent(backend.memoryOwner(), _ -> new Budget(backend.memoryBudget()));
    return new DeviceContext(device, backend, budget);
  }

  /**
   * Where tensors go when no device is named.
   *
   * @throws TensorException if {@code -Dadjoint.device} names none; each time, until it is mended
   */
  public static Device defaultDevice() {
    Device device = defaultDevice;
    if (device == null) {
      synchronized (Backends.class) {
        device = defaultDevice;
        if (device == null) {
          device = configured();
          defaultDevice = device;
        }
      }
    }
    return device;
  }

  private static Device configured() {
    String name = Settings.text(DEFAULT_PROPERTY);
    try {
      return name.isEmpty() ? Device.CPU : Device.of(name);
    } catch (TensorException e) {
      throw new TensorException(
          "settings: -D" + DEFAULT_PROPERTY + "=" + Messages.oneLine(name) + ": " + e.getMessage(),
          e);
    }
  }

  public static void setDefaultDevice(Device device) {
    of(device);
    synchronized (Backends.class) {
      defaultDevice = device;
    }
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
