package dev.adjoint;

import dev.adjoint.internal.Backends;
import dev.adjoint.spi.Messages;
import org.jspecify.annotations.Nullable;

/**
 * Where tensors live and which backend computes on them.
 *
 * @param type the backend's name: {@code cpu}, {@code reference}, {@code cuda}
 * @param detail what distinguishes devices of one type: an instruction-set variant such as {@code
 *     x86-64-v3} for {@code cpu}, empty for the best one; a number for {@code cuda}
 */
public record Device(String type, String detail) {
  private static final String FIRST = "0";

  /**
   * A device of CUDA has one name only, its number as Java writes it; the first is 0.
   *
   * @throws TensorException if such a device has no number
   */
  public Device {
    if (type.equals("cuda")) {
      detail = detail.isEmpty() ? FIRST : number(detail);
    }
  }

  private static String number(String detail) {
    try {
      int number = Integer.parseInt(detail);
      if (number >= 0) {
        return Integer.toString(number);
      }
    } catch (NumberFormatException e) {
      // told below
    }
    throw new TensorException(
        "device: 'cuda:"
            + Messages.oneLine(detail)
            + "' has no number; write it as cuda:0, cuda:1 and so on");
  }

  /** C kernels on the CPU, in the best variant that this machine can run. */
  public static final Device CPU = new Device("cpu", "");

  /** The executable specification in plain Java: slow, always present, never chosen silently. */
  public static final Device REFERENCE = new Device("reference", "");

  /**
   * Reads {@code cpu}, {@code cpu:x86-64-v2}, {@code reference}, {@code cuda:1} or {@code cuda},
   * the first one.
   *
   * @throws TensorException if the text names no kind of device, or a GPU without a number
   */
  public static Device of(String name) {
    int colon = name.indexOf(':');
    String type = colon < 0 ? name : name.substring(0, colon);
    String detail = colon < 0 ? "" : name.substring(colon + 1);
    if (!type.equals("cpu") && !type.equals("reference") && !type.equals("cuda")) {
      throw new TensorException(
          "device: unknown kind '"
              + Messages.oneLine(name)
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

  // Not the methods that Java makes for records: it caches their parts for the whole process, and
  // with them the class loader of an application that is long gone.

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof Device device
        && type.equals(device.type)
        && detail.equals(device.detail);
  }

  @Override
  public int hashCode() {
    return 31 * type.hashCode() + detail.hashCode();
  }

  @Override
  public String toString() {
    return detail.isEmpty() ? type : type + ":" + detail;
  }
}
