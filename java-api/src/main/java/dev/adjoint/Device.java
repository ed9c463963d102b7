package dev.adjoint;

import dev.adjoint.internal.Backends;

/**
 * Where tensors live and which backend computes on them.
 *
 * @param type the backend's name: {@code cpu}, {@code reference}, {@code cuda}
 * @param detail what distinguishes devices of one type: an instruction-set variant such as {@code
 *     x86-64-v3} for {@code cpu}, empty for the best one; a number for {@code cuda}
 */
public record Device(String type, String detail) {
  private static final String FIRST = "0";

  /** The first device of CUDA has one name only, its number. */
  public Device {
    detail = type.equals("cuda") && detail.isEmpty() ? FIRST : detail;
  }

  /** C kernels on the CPU, in the best variant that this machine can run. */
  public static final Device CPU = new Device("cpu", "");

  /** The executable specification in plain Java: slow, always present, never chosen silently. */
  public static final Device REFERENCE = new Device("reference", "");

  /**
   * Reads {@code cpu}, {@code cpu:x86-64-v2}, {@code reference}, {@code cuda:1} or {@code cuda},
   * the first one.
   *
   * @throws TensorException if the text names no kind of device
   */
  public static Device of(String name) {
    int colon = name.indexOf(':');
    String type = colon < 0 ? name : name.substring(0, colon);
    String detail = colon < 0 ? "" : name.substring(colon + 1);
    if (!type.equals("cpu") && !type.equals("reference") && !type.equals("cuda")) {
      throw new TensorException(
          "device: unknown kind '"
              + name
              + "'; use cpu, cpu:<variant>, reference or cuda:<number>");
    }
    return new Device(type, detail);
  }

  /**
   * The first NVIDIA GPU.
   *
   * @throws TensorException with the reason if no GPU can be used
   */
  public static Device cuda() {
    Device device = new Device("cuda", FIRST);
    Backends.of(device);
    return device;
  }

  /** The fastest device that works here: a GPU if one does, else the CPU. Logged once. */
  public static Device best() {
    return Backends.best();
  }

  @Override
  public String toString() {
    return detail.isEmpty() ? type : type + ":" + detail;
  }
}
