package dev.adjoint.nativecpu;

import dev.adjoint.Device;
import dev.adjoint.TensorException;
import dev.adjoint.spi.Backend;
import dev.adjoint.spi.BackendProvider;
import dev.adjoint.spi.NativeFiles;
import dev.adjoint.spi.Settings;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Offers the CPU: {@code cpu} is the best variant that runs here, {@code cpu:x86-64-v2} that one.
 * System properties, read when the first device is opened:
 *
 * <ul>
 *   <li>{@code adjoint.cpu.variant}: what {@code cpu} means instead of the best variant
 *   <li>{@code adjoint.threads}: threads of the kernels, 1 to 1024, instead of one for each
 *       processor
 *   <li>{@code adjoint.memory}: the memory budget, such as {@code 4g}, instead of what is available
 *       less a fifth, or less what the JVM may still take
 *   <li>{@code adjoint.native.path}: a folder with the libraries, instead of those in the jar
 * </ul>
 */
public final class NativeCpuProvider implements BackendProvider {
  private static final String VARIANT_PROPERTY = "adjoint.cpu.variant";

  private static @Nullable NativeRuntime shared;

  private final Supplier<NativeRuntime> runtime;

  /** For {@link java.util.ServiceLoader}. */
  public NativeCpuProvider() {
    this(NativeCpuProvider::shared);
  }

  NativeCpuProvider(Supplier<NativeRuntime> runtime) {
    this.runtime = runtime;
  }

  /** One thread pool for all providers and variants. */
  static synchronized NativeRuntime shared() {
    if (shared == null) {
      Platform.requireSupported();
      shared = new NativeRuntime(LibrarySource.configured());
    }
    return shared;
  }

  @Override
  public String type() {
    return "cpu";
  }

  @Override
  public Backend open(Device device) {
    NativeRuntime runtime = this.runtime.get();
    String variant = device.detail().isEmpty() ? defaultVariant(runtime) : device.detail();
    return new NativeCpuBackend(runtime, runtime.open(variant));
  }

  private static String defaultVariant(NativeRuntime runtime) {
    String[] names = runtime.variants().stream().map(Variant::name).toArray(String[]::new);
    String wanted = Settings.choice(VARIANT_PROPERTY, "", names);
    return wanted.isEmpty() ? runtime.best() : wanted;
  }

  @Override
  public List<Device> devices() {
    NativeRuntime runtime;
    try {
      runtime = this.runtime.get();
    } catch (TensorException e) {
      return List.of(); // report() says why
    }
    List<Device> devices = new ArrayList<>();
    for (Variant variant : runtime.variants().reversed()) {
      if (runtime.isUsable(variant)) {
        devices.add(new Device(type(), variant.name()));
      }
    }
    if (!devices.isEmpty()) {
      devices.addFirst(Device.CPU);
    }
    return devices;
  }

  @Override
  public List<String> report() {
    NativeRuntime runtime;
    try {
      runtime = this.runtime.get();
    } catch (TensorException e) {
      return List.of(message(e));
    }
    List<String> lines = new ArrayList<>();
    lines.add("libraries: " + runtime.source().place());
    lines.add("base: loaded from " + runtime.basePlace());
    try {
      KernelLibrary kernels = runtime.open(defaultVariant(runtime));
      lines.add("variant: " + kernels.variant + ", loaded from " + kernels.library.place());
    } catch (TensorException e) {
      lines.add("variant: " + message(e));
    }
    for (Variant variant : runtime.variants()) {
      lines.add("  " + variant.name() + ": " + state(runtime, variant));
    }
    lines.add("threads: " + runtime.threads());
    lines.add("transparent huge pages: " + hugePages());
    lines.add(memoryLine());
    return lines;
  }

  private static String state(NativeRuntime runtime, Variant variant) {
    if (variant.lacks() != null) {
      return "this machine cannot run it: " + variant.lacks();
    }
    return runtime.isUsable(variant) ? "usable" : "not in this build";
  }

  private static String hugePages() {
    Path setting = Path.of("/sys/kernel/mm/transparent_hugepage/enabled");
    try {
      return new String(NativeFiles.readAllBytes(setting), StandardCharsets.US_ASCII).strip();
    } catch (IOException e) {
      return "unknown";
    }
  }

  private static String memoryLine() {
    try {
      double gib = MemoryBudget.bytes() / (double) (1L << 30);
      return String.format(Locale.ROOT, "memory budget: %.1f GiB", gib);
    } catch (TensorException e) {
      return message(e);
    }
  }

  private static String message(TensorException e) {
    return String.valueOf(e.getMessage());
  }
}
