package dev.adjoint.benchmarks.peers;

import dev.adjoint.benchmarks.Peer;
import dev.adjoint.benchmarks.PeerProvider;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * LibTorch in two settings: <i>tuned</i>, which is the one to beat, and as <i>installed</i>.
 *
 * <p>The preset brings an OpenBLAS with threads of its own beside LibTorch's OpenMP. Tuned, an
 * OpenBLAS that shares OpenMP's threads takes its place, malloc keeps its pages and asks for huge
 * ones, and JavaCPP counts no memory. As installed, idle threads must at least sleep: spinning, the
 * two pools take each other's processors and small models become a hundred times slower.
 */
public final class LibTorchProvider implements PeerProvider {
  private static final String TUNED = "tuned";
  private static final String PRELOAD = "LD_PRELOAD";

  /** OpenBLAS on OpenMP, as Debian (two architectures) and Fedora install it. */
  private static final List<Path> OPENMP_OPENBLAS =
      Stream.of(
              "/usr/lib/x86_64-linux-gnu/openblas-openmp/libopenblas.so.0",
              "/usr/lib/aarch64-linux-gnu/openblas-openmp/libopenblas.so.0",
              "/usr/lib64/libopenblaso.so.0")
          .map(Path::of)
          .toList();

  @Override
  public String name() {
    return "libtorch";
  }

  @Override
  public List<Setting> settings(int threads) {
    Map<String, String> counts =
        Map.of("OMP_NUM_THREADS", "" + threads, "OPENBLAS_NUM_THREADS", "" + threads);

    Map<String, String> tuned = new HashMap<>(counts);
    openMpOpenBlas().ifPresent(library -> tuned.put(PRELOAD, library.toString()));
    if (hasAvx512()) {
      // Left alone, it takes AVX2 kernels on CPUs that it does not know.
      tuned.put("OPENBLAS_CORETYPE", "SkylakeX");
    }
    tuned.put("MALLOC_MMAP_MAX_", "0");
    tuned.put("MALLOC_TRIM_THRESHOLD_", "100000000000");
    tuned.put("MALLOC_ARENA_MAX", "1");
    tuned.put("MALLOC_TOP_PAD_", "67108864");
    tuned.put("GLIBC_TUNABLES", Matrices.HUGE_PAGES);

    Map<String, String> installed = new HashMap<>(counts);
    installed.put("OMP_WAIT_POLICY", "passive");

    return List.of(
        new Setting(
            TUNED,
            tuned,
            List.of(
                "-Dorg.bytedeco.javacpp.maxPhysicalBytes=0",
                "-Dorg.bytedeco.javacpp.maxBytes=0",
                "-Dorg.bytedeco.javacpp.nopointergc=true")),
        new Setting("installed", installed, List.of()));
  }

  /**
   * {@inheritDoc}
   *
   * @throws IllegalStateException if the tuned setting lacks its OpenBLAS
   */
  @Override
  public Peer open(Setting setting, int threads) {
    if (setting.name().equals(TUNED) && openMpOpenBlas().isEmpty()) {
      throw new IllegalStateException(
          "libtorch, tuned, needs an OpenBLAS that runs on OpenMP; install libopenblas0-openmp"
              + " (Debian, Ubuntu) or openblas-openmp (Fedora)");
    }
    return new LibTorch();
  }

  private static Optional<Path> openMpOpenBlas() {
    return OPENMP_OPENBLAS.stream().filter(Files::exists).findFirst();
  }

  private static boolean hasAvx512() {
    try {
      return Files.readString(Path.of("/proc/cpuinfo")).contains(" avx512f ");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
