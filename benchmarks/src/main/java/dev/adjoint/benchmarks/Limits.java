package dev.adjoint.benchmarks;

import dev.adjoint.benchmarks.WorkerProcess.FailedException;
import dev.adjoint.nativecpu.Ceilings;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * What the machine can do at most, measured in the same run as everything else, time and again:
 * each look is a median, and the best look counts.
 */
final class Limits {
  /**
   * The rate of a probe.
   *
   * @param probe its name in {@link Ceilings}
   * @param variant the instruction-set level that it is compiled for
   * @param level where its data lies: {@code L2}, {@code L3}, {@code 2×L3} and {@code 4×L3} for
   *     arrays so many times as large, {@code DRAM}; {@code registers}; {@code GPU} for the memory
   *     of one
   * @param threads how many ran it; {@link PeerProvider#ON_GPU} on a GPU
   * @param rate operations or bytes per second
   */
  record Limit(String probe, String variant, String level, int threads, double rate) {
    /** Whether it counts operations, not bytes. */
    boolean isArithmetic() {
      return probe.startsWith(FMA) || probe.startsWith(GEMM);
    }

    boolean isSameProbe(Limit other) {
      return probe.equals(other.probe)
          && variant.equals(other.variant)
          && level.equals(other.level)
          && threads == other.threads;
    }

    Map<String, Object> toMap() {
      Map<String, Object> map = new LinkedHashMap<>();
      map.put("probe", probe);
      map.put("variant", variant);
      map.put("level", level);
      map.put("threads", threads);
      map.put("rate", rate);
      return map;
    }
  }

  /**
   * The least time a case can take.
   *
   * @param seconds the time
   * @param arithmetic whether operations need longer than traffic
   * @param by which limits it comes from
   */
  record Bound(double seconds, boolean arithmetic, String by) {}

  /** The suites whose times are held against them. */
  static final Set<String> SUITES = Set.of("gemm", "ops", "train");

  /** The share of reads in a probe's traffic. */
  private static final Map<String, Double> READS =
      Map.of("write", 0.0, "copy", 1 / 2.0, "triad", 2 / 3.0, "read", 1.0);

  /** What a GPU is held against: our own copy kernel, and products as its vendor computes them. */
  static final List<String> GPU_PROBES = List.of("copy", "gemm_f32", "gemm_bf16");

  private static final String FMA = "fma_";
  private static final String GEMM = "gemm_";
  private static final String GPU = "GPU";
  private static final int MILLIS = 100;
  private static final int GPU_MILLIS = 500; // until its clocks have settled
  private static final String STREAM = "_stream";

  private final Machine machine;
  private final List<Limit> all = new CopyOnWriteArrayList<>();

  Limits(Machine machine) {
    this.machine = machine;
  }

  List<Limit> all() {
    return all;
  }

  /** Keeps the better one of two measurements of the same probe. */
  void add(Limit limit) {
    for (Limit known : all) {
      if (known.isSameProbe(limit)) {
        if (limit.rate() > known.rate()) {
          all.set(all.indexOf(known), limit);
        }
        return;
      }
    }
    all.add(limit);
  }

  /** Where data lies. Of what is a few times as large as a cache, that cache still holds a part. */
  private enum Level {
    L2("L2"),
    L3("L3"),
    L3_TWICE("2×L3"),
    L3_FOURFOLD("4×L3"),
    DRAM("DRAM");

    final String label;

    Level(String label) {
      this.label = label;
    }

    /** How large a probe's arrays are together. */
    long bytes(Machine machine, int threads) {
      return switch (this) {
        case L2 -> threads * machine.level2() / 2;
        case L3 -> machine.level3() / 4;
        case L3_TWICE -> 2 * machine.level3();
        case L3_FOURFOLD -> 4 * machine.level3();
        case DRAM -> Math.max(256L << 20, 8 * machine.level3());
      };
    }

    /** The one whose probes are held against so many bytes. */
    static Level of(double bytes, Machine machine, int threads) {
      double share = bytes / machine.level3();
      if (bytes <= threads * machine.level2()) {
        return L2;
      }
      return share <= 1 ? L3 : share <= 3 ? L3_TWICE : share <= 5 ? L3_FOURFOLD : DRAM;
    }
  }

  /**
   * Runs all probes.
   *
   * @param worker of the CPU backend; its threads run them
   * @param variants that run here, the best one first
   */
  void measure(WorkerProcess worker, List<String> variants) throws FailedException {
    int threads = worker.backend.threads();
    for (String variant : variants) {
      for (String probe : Ceilings.ARITHMETIC) {
        add(
            new Limit(
                probe, variant, "registers", threads, worker.ceiling(variant, probe, 64, MILLIS)));
      }
    }
    String best = variants.getFirst();
    for (Level level : Level.values()) {
      for (String probe : Ceilings.TRAFFIC) {
        double rate = worker.ceiling(best, probe, level.bytes(machine, threads), MILLIS);
        add(new Limit(probe, best, level.label, threads, rate));
      }
    }
  }

  /** Runs the probes of a GPU. */
  void measureGpu(WorkerProcess worker) throws FailedException {
    for (String probe : GPU_PROBES) {
      double rate = worker.gpuCeiling(probe, GPU_MILLIS);
      add(new Limit(probe, worker.backend.label(), GPU, PeerProvider.ON_GPU, rate));
    }
  }

  private Optional<Limit> best(int threads, String level, List<String> probes) {
    return all.stream()
        .filter(limit -> limit.threads() == threads)
        .filter(limit -> limit.level().equals(level))
        .filter(limit -> probes.contains(limit.probe()))
        .max(Comparator.comparingDouble(Limit::rate));
  }

  /** The peak of an element type: {@code f32}, {@code f64} or {@code bf16}. */
  Optional<Limit> arithmetic(String dtype, int threads) {
    return threads == PeerProvider.ON_GPU
        ? best(threads, GPU, List.of(GEMM + dtype))
        : best(threads, "registers", List.of(FMA + dtype));
  }

  /** The best probe with about the same share of reads, on as many bytes. */
  Optional<Limit> traffic(Case c, int threads) {
    if (threads == PeerProvider.ON_GPU) {
      return best(threads, GPU, List.of("copy"));
    }
    Level level = Level.of(c.bytes(), machine, threads);
    double reads = c.bytesRead() / c.bytes();
    String nearest =
        READS.entrySet().stream()
            .min(Comparator.comparingDouble(entry -> Math.abs(entry.getValue() - reads)))
            .orElseThrow()
            .getKey();
    return best(threads, level.label, List.of(nearest, nearest + STREAM));
  }

  /** The least time a case can take; empty if it is nothing but overhead. */
  Optional<Bound> bound(Case c, int threads) {
    if (c instanceof StepCase && c.operations() == 0) {
      return Optional.empty();
    }
    String dtype =
        switch (c) {
          case GemmCase gemm -> gemm.dtype();
          case StepCase step -> step.precision();
          case OpCase op -> op.dtype();
          case ProbeCase _ -> "f32";
        };
    Optional<Limit> peak = c.operations() > 0 ? arithmetic(dtype, threads) : Optional.empty();
    Optional<Limit> traffic = c.bytes() > 0 ? traffic(c, threads) : Optional.empty();
    double computing = peak.map(limit -> c.operations() / limit.rate()).orElse(0.0);
    double moving = traffic.map(limit -> c.bytes() / limit.rate()).orElse(0.0);
    if (computing == 0 && moving == 0) {
      return Optional.empty();
    }
    boolean arithmetic = computing > moving;
    String by =
        arithmetic
            ? peak.orElseThrow().probe()
            : traffic.map(limit -> limit.probe() + " " + limit.level()).orElseThrow();
    // An optimizer's traffic comes after the products.
    double seconds = c instanceof StepCase ? computing + moving : Math.max(computing, moving);
    return Optional.of(new Bound(seconds, arithmetic, by));
  }

  /** A time with the rate that it means and the fraction of what is possible. */
  Row judge(Row row) {
    if (!row.isTime() || !SUITES.contains(row.subject().suite())) {
      return row;
    }
    Case c = Case.parse(row.subject().caseId());
    Optional<Bound> bound = bound(c, row.subject().threads());
    Row rated = withRate(row, c, bound.map(Bound::arithmetic).orElse(false));
    return bound.map(b -> rated.withLimit(b.seconds(), b.by())).orElse(rated);
  }

  private static Row withRate(Row row, Case c, boolean arithmetic) {
    double perSecond = 1 / row.seconds();
    return switch (c) {
      case StepCase step when step.model().isGpt() ->
          row.withRate(step.model().batch * step.model().length * perSecond, "tokens/s");
      case StepCase _ -> row.withRate(perSecond, "steps/s");
      case GemmCase _, OpCase _, ProbeCase _ when arithmetic ->
          row.withRate(c.operations() * perSecond * 1e-9, "GFLOP/s");
      case GemmCase _, OpCase _, ProbeCase _ -> row.withRate(c.bytes() * perSecond * 1e-9, "GB/s");
    };
  }
}
