package dev.adjoint.cli;

import dev.adjoint.Adjoint;
import dev.adjoint.Device;
import dev.adjoint.spi.BackendProvider;
import java.util.ServiceLoader;
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

  /** Opens the chosen device, of the CPU the variant that is chosen, and makes it the default. */
  Device open() {
    if (threads != null) {
      System.setProperty("adjoint.threads", threads.toString());
    }
    Device chosen = variant(device == null ? Adjoint.defaultDevice() : Device.of(device));
    Adjoint.setDefaultDevice(chosen);
    return chosen;
  }

  /** {@code cpu:x86-64-v3} for {@code cpu}: what a checkpoint and a report should name. */
  private static Device variant(Device device) {
    if (!device.equals(Device.CPU)) {
      return device;
    }
    String wanted = System.getProperty("adjoint.cpu.variant", "");
    if (!wanted.isEmpty()) {
      return new Device(device.type(), wanted);
    }
    return ServiceLoader.load(BackendProvider.class).stream()
        .map(ServiceLoader.Provider::get)
        .filter(provider -> provider.type().equals(device.type()))
        .flatMap(provider -> provider.devices().stream())
        .filter(usable -> !usable.detail().isEmpty()) // the best one comes first
        .findFirst()
        .orElse(device); // opening it says why none works
  }
}
