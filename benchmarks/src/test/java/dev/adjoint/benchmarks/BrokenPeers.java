package dev.adjoint.benchmarks;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A peer that has no gemm, throws at add and takes its process down at mul. */
public final class BrokenPeers implements PeerProvider {
  @Override
  public String name() {
    return "broken";
  }

  @Override
  public List<Setting> settings(int threads) {
    return List.of(new Setting("", Map.of(), List.of()));
  }

  @Override
  public Peer open(Setting setting, int threads) {
    return new Peer() {
      @Override
      public String version() {
        System.out.println("words of a library");
        return "0";
      }

      @Override
      public Optional<Workload> prepare(Case c) {
        if (!(c instanceof OpCase op)) {
          return Optional.empty();
        }
        if (op.op().equals("mul")) {
          Runtime.getRuntime().halt(3);
        }
        throw new IllegalStateException("no luck");
      }

      @Override
      public void close() {}
    };
  }
}
