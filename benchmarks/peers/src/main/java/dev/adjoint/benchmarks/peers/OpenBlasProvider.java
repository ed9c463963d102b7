package dev.adjoint.benchmarks.peers;

import dev.adjoint.benchmarks.Peer;
import dev.adjoint.benchmarks.PeerProvider;
import java.util.List;
import java.util.Map;

/** OpenBLAS as its preset installs it. */
public final class OpenBlasProvider implements PeerProvider {
  @Override
  public String name() {
    return "openblas";
  }

  @Override
  public List<Setting> settings(int threads) {
    return List.of(
        new Setting(
            "",
            Map.of("OPENBLAS_NUM_THREADS", "" + threads, "GLIBC_TUNABLES", Matrices.HUGE_PAGES),
            List.of()));
  }

  @Override
  public Peer open(Setting setting, int threads) {
    return new OpenBlas();
  }
}
