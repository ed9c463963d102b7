package dev.adjoint.cli;

import dev.adjoint.Adjoint;
import dev.adjoint.Device;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What every command that computes has in common. */
final class DeviceOptions {
  @Option(
      names = "--device",
      paramLabel = "NAME",
      description = "cpu, cpu:VARIANT, reference or cuda:N (default: cpu).")
  private @Nullable String device;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Threads of the kernels (default: all processors).")
  private @Nullable Integer threads;

  /** Opens the chosen device and makes it the default one. */
  Device open() {
    if (threads != null) {
      System.setProperty("adjoint.threads", threads.toString());
    }
    Device chosen = device == null ? Adjoint.defaultDevice() : Device.of(device);
    Adjoint.setDefaultDevice(chosen);
    return chosen;
  }
}
