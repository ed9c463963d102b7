package dev.adjoint.cuda;

import dev.adjoint.Device;
import dev.adjoint.TensorException;
import dev.adjoint.spi.Backend;
import dev.adjoint.spi.BackendProvider;
import java.util.ArrayList;
import java.util.List;

/**
 * Offers NVIDIA GPUs: {@code cuda:0} is the driver's first device. System properties, read when the
 * first device is opened:
 *
 * <ul>
 *   <li>{@code adjoint.cuda.path}: a folder in which libraries of CUDA are looked for first
 *   <li>{@code adjoint.cuda.cublas}: {@code jcuda} or {@code ffm}, how cuBLAS 12 is called
 *   <li>{@code adjoint.cuda.sync}: with {@code true} every call waits for the device, so that a
 *       failure names its kernel
 *   <li>{@code adjoint.cuda.kernels}: a file with kernels, instead of those in the jar
 *   <li>{@code adjoint.memory}: the memory budget, such as {@code 4g}, instead of 90 % of what is
 *       free
 * </ul>
 */
public final class CudaProvider implements BackendProvider {
  @Override
  public String type() {
    return "cuda";
  }

  @Override
  public Backend open(Device device) {
    return new CudaBackend(new CudaDevice(CudaRuntime.get(), Integer.parseInt(device.detail())));
  }

  @Override
  public List<Device> devices() {
    CudaRuntime runtime;
    try {
      runtime = CudaRuntime.get();
    } catch (TensorException e) {
      return List.of(); // report() says why
    }
    List<Device> devices = new ArrayList<>();
    for (int i = 0; i < runtime.deviceCount(); i++) {
      if (CudaProperties.of(i).isSupported()) {
        devices.add(new Device(type(), Integer.toString(i)));
      }
    }
    return devices;
  }

  @Override
  public List<String> report() {
    List<String> lines = new ArrayList<>();
    try {
      lines.addAll(new CudaLibraries().machine());
      lines.addAll(CudaRuntime.reportKernels());
      CudaRuntime runtime = CudaRuntime.get();
      lines.addAll(runtime.report());
      for (int i = 0; i < runtime.deviceCount(); i++) {
        lines.add("device " + i + ": " + CudaProperties.of(i));
      }
    } catch (TensorException e) {
      lines.add("off: " + e.getMessage());
    }
    return lines;
  }
}
