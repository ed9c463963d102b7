package dev.adjoint.benchmarks;

import dev.adjoint.Device;
import dev.adjoint.TensorException;
import dev.adjoint.spi.BackendProvider;
import dev.adjoint.spi.BackendProviders;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;

/** Our own backends. */
public final class AdjointProviders {
  private AdjointProviders() {}

  /** The provider of a kind of devices. */
  static BackendProvider provider(String type) {
    BackendProviders found = BackendProviders.find();
    return found
        .ofType(type)
        .orElseThrow(() -> new IllegalStateException(type + ": " + found.whyNot(type)));
  }

  /** All devices of a kind, one setting each. */
  abstract static class OfType implements PeerProvider {
    private final String name;
    private final String type;

    OfType(String name, String type) {
      this.name = name;
      this.type = type;
    }

    @Override
    public String name() {
      return name;
    }

    @Override
    public List<Setting> settings(int threads) {
      BackendProvider provider = provider(type);
      List<Setting> settings =
          provider.devices().stream()
              .map(Device::detail)
              .filter(detail -> !detail.isEmpty())
              .map(detail -> new Setting(detail, Map.of(), jvmOptions(threads)))
              .toList();
      if (settings.isEmpty()) {
        try {
          provider.open(new Device(type, ""));
        } catch (TensorException e) { // says why none works
          throw new IllegalStateException(e.getMessage(), e);
        }
      }
      return settings;
    }

    List<String> jvmOptions(int threads) {
      return List.of("-Dadjoint.threads=" + threads);
    }

    @Override
    public Peer open(Setting setting, int threads) {
      return new AdjointPeer(new Device(type, setting.name()));
    }
  }

  /** C kernels: a setting for each variant that runs here, the best one first. */
  public static final class NativeCpu extends OfType {
    /** For {@link ServiceLoader}. */
    public NativeCpu() {
      super("native-cpu", "cpu");
    }
  }

  /** Plain Java; only on small cases, and on one thread whatever is asked for. */
  public static final class Reference extends OfType {
    /** For {@link ServiceLoader}. */
    public Reference() {
      super("reference", Device.REFERENCE.type());
    }

    @Override
    public List<Setting> settings(int threads) {
      return List.of(new Setting(Device.REFERENCE.detail(), Map.of(), jvmOptions(threads)));
    }
  }

  /** NVIDIA GPUs. */
  public static final class Cuda extends OfType {
    /** For {@link ServiceLoader}. */
    public Cuda() {
      super("cuda", "cuda");
    }

    @Override
    public boolean isGpu() {
      return true;
    }

    /** Where its libraries are, and whatever else was set for this process. */
    @Override
    List<String> jvmOptions(int threads) {
      return InheritedOptions.startingWith("adjoint.cuda.");
    }
  }
}
