package dev.adjoint;

import dev.adjoint.internal.Backends;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Settings and state of the library as a whole. */
public final class Adjoint {
  private static final Map<Device, Generator> GENERATORS = new ConcurrentHashMap<>();
  private static volatile long seed;

  private Adjoint() {}

  /** Seeds the default generators of all devices, those opened later included. */
  public static void manualSeed(long newSeed) {
    seed = newSeed;
    GENERATORS.values().forEach(g -> g.manualSeed(newSeed));
  }

  /** The default generator of a device. */
  public static Generator generator(Device device) {
    return GENERATORS.computeIfAbsent(device, d -> new Generator(d, seed));
  }

  /**
   * Where factories put tensors when no device is named: {@code -Dadjoint.device}, {@code cpu} by
   * default.
   */
  public static Device defaultDevice() {
    return Backends.defaultDevice();
  }

  /**
   * Changes the default device.
   *
   * @throws TensorException with the reason if it cannot be used
   */
  public static void setDefaultDevice(Device device) {
    Backends.setDefaultDevice(device);
  }

  /**
   * Waits until a device has done all its work. Only who takes times needs it: reading a value
   * waits by itself.
   *
   * @throws TensorException if something that ran there failed
   */
  public static void synchronize(Device device) {
    Backends.of(device).backend().synchronize();
  }

  /** Memory in use on a device. */
  public static MemoryUse memory(Device device) {
    return Backends.of(device).allocator().use();
  }

  /** Gives cached free memory back to the system. */
  public static void emptyCache(Device device) {
    Backends.of(device).allocator().drain();
  }

  /**
   * A line for each live block of memory, the largest first; with {@code -Dadjoint.leaks=trace} it
   * says where the block was born.
   */
  public static List<String> liveStorages(Device device) {
    return Backends.of(device).allocator().liveStorages();
  }
}
