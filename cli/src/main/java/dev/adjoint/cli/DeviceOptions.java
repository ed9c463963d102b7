package dev.adjoint.cli;

import dev.adjoint.Adjoint;
import dev.adjoint.Device;
import dev.adjoint.spi.BackendProviders;
import dev.adjoint.spi.Settings;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** What every command that computes has in common. */
final class DeviceOptions {
  /** As many as the kernels' pool can have. */
  private static final int MOST_THREADS = 1024;

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

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec = CommandSpec.create();

  /** Opens the chosen device, of the CPU the variant that is chosen, and makes it the default. */
  Device open() {
    if (threads != null) {
      if (threads < 1 || threads > MOST_THREADS) {
        throw new ParameterException(
            spec.commandLine(), "--threads must be from 1 to " + MOST_THREADS + ", got " + threads);
      }
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
    String wanted = Settings.text("adjoint.cpu.variant");
    if (!wanted.isEmpty()) {
      return new Device(device.type(), wanted);
    }
    return BackendProviders.find().ofType(device.type()).stream()
        .flatMap(provider -> provider.devices().stream())
        .filter(usable -> !usable.detail().isEmpty()) // the best one comes first
        .findFirst()
        .orElse(device); // opening it says why none works
  }
}
