package dev.adjoint.benchmarks.peers;

import dev.adjoint.benchmarks.Peer;
import dev.adjoint.benchmarks.PeerProvider;
import java.util.List;
import java.util.Map;

/** oneDNN, built with OpenMP. */
public final class OneDnnProvider implements PeerProvider {
  @Override
  public String name() {
    return "onednn";
  }

  @Override
  public List<Setting> settings(int threads) {
    return List.of(
        new Setting(
            "",
            Map.of("OMP_NUM_THREADS", "" + threads, "GLIBC_TUNABLES", Matrices.HUGE_PAGES),
            List.of()));
  }

  @Override
  public Peer open(Setting setting, int threads) {
    return new OneDnn();
  }
}
