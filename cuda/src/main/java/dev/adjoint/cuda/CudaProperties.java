package dev.adjoint.cuda;

import dev.adjoint.TensorException;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdevice_attribute;
import jcuda.driver.JCudaDriver;

/**
 * What the driver tells of a device.
 *
 * @param device the driver's handle
 * @param name as NVIDIA sells it
 * @param major of its compute capability
 * @param minor of its compute capability
 * @param multiprocessors how many it has
 * @param totalBytes its memory
 */
record CudaProperties(
    CUdevice device, String name, int major, int minor, int multiprocessors, long totalBytes) {
  /** Ampere: bfloat16 and asynchronous copies begin there. */
  private static final int OLDEST_MAJOR = 8;

  /** Asks the driver, which has been initialised. */
  static CudaProperties of(int ordinal) {
    CUdevice device = new CUdevice();
    CudaErrors.check(JCudaDriver.cuDeviceGet(device, ordinal), "device " + ordinal);
    long[] bytes = new long[1];
    CudaErrors.check(JCudaDriver.cuDeviceTotalMem(bytes, device), "the memory of a device");
    return new CudaProperties(
        device,
        name(device),
        attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR),
        attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR),
        attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT),
        bytes[0]);
  }

  private static int attribute(CUdevice device, int attribute) {
    int[] value = new int[1];
    CudaErrors.check(
        JCudaDriver.cuDeviceGetAttribute(value, attribute, device),
        CUdevice_attribute.stringFor(attribute));
    return value[0];
  }

  private static String name(CUdevice device) {
    byte[] text = new byte[256];
    CudaErrors.check(
        JCudaDriver.cuDeviceGetName(text, text.length, device), "the name of a device");
    int length = 0;
    while (length < text.length && text[length] != 0) {
      length++;
    }
    return new String(text, 0, length, StandardCharsets.UTF_8);
  }

  boolean isSupported() {
    return major >= OLDEST_MAJOR;
  }

  /**
   * Refuses a device that the kernels do not run on.
   *
   * @throws TensorException naming it
   */
  void requireSupported() {
    if (!isSupported()) {
      throw new TensorException(
          "cuda: "
              + name
              + " has compute capability "
              + major
              + "."
              + minor
              + ", Adjoint needs 8.0 (Ampere) or newer; use --device cpu (Device.CPU)");
    }
  }

  /** A line for people. */
  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "%s, compute capability %d.%d%s, %d multiprocessors, %.1f GiB",
        name,
        major,
        minor,
        isSupported() ? "" : " (too old, 8.0 is needed)",
        multiprocessors,
        totalBytes / (double) (1L << 30));
  }
}
