package dev.adjoint.benchmarks;

import dev.adjoint.spi.Settings;
import java.io.BufferedReader;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The PyTorch of a {@code python3}, in a process beside the worker: on the first GPU, eager and
 * with {@code torch.compile}. System properties: {@code adjoint.pytorch.python}, the interpreter,
 * if it is not the {@code python3} of the path; {@code adjoint.pytorch.device}, {@code cpu} to try
 * it where no GPU is.
 */
public final class PyTorchProvider implements PeerProvider {
  /** The setting that runs operation by operation. */
  static final String EAGER = "eager";

  /** The setting with {@code torch.compile}. */
  static final String COMPILE = "compile";

  private static final String PROPERTIES = "adjoint.pytorch.";
  private static final String PYTHON_PROPERTY = PROPERTIES + "python";
  private static final String ASK_VERSION =
      "import importlib.metadata; print(importlib.metadata.version('torch'))";

  private static @Nullable String version;

  static String python() {
    String python = Settings.text(PYTHON_PROPERTY);
    return python.isEmpty() ? "python3" : python;
  }

  static String device() {
    return Settings.choice(PROPERTIES + "device", "cuda", "cpu");
  }

  @Override
  public String name() {
    return "pytorch";
  }

  @Override
  public boolean isGpu() {
    return !device().equals("cpu");
  }

  @Override
  public boolean startsWithJvm() {
    return false;
  }

  @Override
  public List<Setting> settings(int threads) {
    List<String> options = InheritedOptions.startingWith(PROPERTIES);
    List<Setting> settings = new ArrayList<>(List.of(new Setting(EAGER, Map.of(), options)));
    if (!version().startsWith("1.")) {
      settings.add(new Setting(COMPILE, Map.of(), options));
    }
    return settings;
  }

  /** Asked without loading PyTorch, which takes seconds. */
  private static synchronized String version() {
    if (version == null) {
      try {
        Process process = new ProcessBuilder(python(), "-c", ASK_VERSION).start();
        try (BufferedReader lines = process.inputReader()) {
          version = lines.readLine();
        }
      } catch (IOException e) {
        if (!Settings.text(PYTHON_PROPERTY).isEmpty()) {
          throw Settings.refusal(
              PYTHON_PROPERTY, "a Python that can be started (" + e.getMessage() + ")");
        }
        throw new IllegalStateException(python() + " cannot be started: " + e.getMessage(), e);
      }
    }
    if (version == null) {
      throw new IllegalStateException(python() + " has no torch; pip install torch brings it");
    }
    return version;
  }

  @Override
  public Peer open(Setting setting, int threads) {
    return new PyTorch(setting.name(), threads);
  }
}
