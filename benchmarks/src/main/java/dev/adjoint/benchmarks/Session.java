package dev.adjoint.benchmarks;

import dev.adjoint.benchmarks.Row.Subject;
import dev.adjoint.benchmarks.WorkerProcess.Backend;
import dev.adjoint.benchmarks.WorkerProcess.FailedException;
import dev.adjoint.benchmarks.WorkerProcess.Ready;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * One run of the harness: starts a process for each backend, lets them take turns at each case, and
 * keeps what they found.
 */
final class Session implements AutoCloseable {
  /** Runs that take longer are samples by themselves; in seconds. */
  private static final double LONG_RUN = 0.05;

  /** Later rounds only get back into the swing: caches, clocks, threads that sleep. */
  private static final int SWING_MILLIS = 20;

  /** The share of its peak that a machine reaches when nobody else is there. */
  private static final double QUIET = 0.85;

  private static final int CHECK_MILLIS = 10;

  /** A core that slept may need a while to come up to speed. */
  private static final int CHECKS = 3;

  private static final int CACHE_LINE = 64;

  /** Two ticks of Linux's accounting. */
  private static final int SETTLING_MILLIS = 20;

  private static final int SETTLING_WAITS = 15;

  private static final PeerProvider PROBES = new AdjointProviders.NativeCpu();

  /** What {@link #startUp} measures. */
  static final String START_UP = "jvm-start-to-first-gradient";

  /** How many starts of a JVM are timed. */
  private static final int STARTS = 5;

  private final Results results;
  private final Effort effort;
  private final Predicate<String> wanted;
  private final Runnable saved;
  private final Map<Backend, WorkerProcess> workers = new HashMap<>();

  /**
   * How long to measure.
   *
   * @param rounds how often every backend has its turn at a case
   * @param warmUpMillis before the first round
   * @param millis of each turn
   */
  record Effort(int rounds, int warmUpMillis, int millis) {
    static final Effort FULL = new Effort(3, 200, 300);
    static final Effort QUICK = new Effort(2, 100, 120);

    private static final int ITERATIONS = 5;

    /** Milliseconds of warm-up, for runs that take so many seconds; at least one run. */
    int warmUp(double run) {
      return run < LONG_RUN ? warmUpMillis : 1;
    }

    /** Samples of one turn, for runs that take so many seconds. */
    int iterations(double run) {
      return run < LONG_RUN
          ? ITERATIONS
          : Math.clamp(Math.round(millis * 1e-3 / run), 1, ITERATIONS);
    }
  }

  /** A backend and its version of a case, and what came of it. */
  private static final class Trial {
    final Backend backend;
    final Case c;
    final List<double[]> samples = new ArrayList<>();
    @Nullable Ready ready;
    @Nullable String failure;
    String note = "";
    boolean absent;

    Trial(Backend backend, Case c) {
      this.backend = backend;
      this.c = c;
    }

    boolean isRunning() {
      return failure == null && !absent;
    }

    /** Drops the samples of later rounds. */
    void keep(int rounds) {
      while (samples.size() > rounds) {
        samples.removeLast();
      }
    }

    double[] all() {
      return samples.stream().flatMapToDouble(Arrays::stream).toArray();
    }
  }

  /**
   * @param results where everything goes
   * @param wanted whether a version of a case is measured on our own backends, by its name
   * @param saved called when there is something new
   */
  Session(Results results, Effort effort, Predicate<String> wanted, Runnable saved) {
    this.results = results;
    this.effort = effort;
    this.wanted = wanted;
    this.saved = saved;
  }

  /** The process of a backend; a new one if there is none alive. */
  WorkerProcess worker(Backend backend) throws FailedException {
    WorkerProcess worker = workers.get(backend);
    if (worker == null || !worker.isAlive()) {
      worker = WorkerProcess.start(backend);
      workers.put(backend, worker);
      results.version(backend.label(), worker.version);
    }
    return worker;
  }

  private void stop(Backend backend) {
    WorkerProcess worker = workers.remove(backend);
    if (worker != null) {
      worker.close();
    }
  }

  // ---- times ----

  /** Measures one case on all backends. */
  void time(String suite, Case c, List<Backend> backends) {
    List<Trial> trials = trials(c, backends);
    int threads = backends.getFirst().threads();
    boolean quiet;
    if (Suites.isLarge(c, threads)) {
      // A GPU does not tire; making such a case ready anew takes much longer than measuring it.
      int rounds = threads == PeerProvider.ON_GPU ? 1 : effort.rounds();
      quiet =
          rounds(
              trials,
              rounds,
              (trial, round) -> {
                attempt(trial, worker -> trial.ready = prepare(worker, trial));
                measure(trial, round);
                release(trial);
              });
      // What an allocator keeps would be missing elsewhere.
      backends.forEach(this::stop);
    } else {
      for (Trial trial : trials) {
        attempt(trial, worker -> trial.ready = prepare(worker, trial));
      }
      quiet = rounds(trials, effort.rounds(), this::measure);
      trials.forEach(this::release);
    }
    record(suite, trials, quiet);
    saved.run();
  }

  /** One backend's turn. */
  private interface Turn {
    void take(Trial trial, int round);
  }

  /**
   * Lets all take turns. A round after which the machine does not reach its own peak is repeated,
   * as often as there are rounds: somebody else was there.
   *
   * @return whether the machine was quiet in every round that counts
   */
  private boolean rounds(List<Trial> trials, int rounds, Turn turn) {
    boolean quiet = true;
    int spare = rounds;
    for (int round = 0; round < rounds; round++) {
      for (Trial trial : trials) {
        settle();
        turn.take(trial, round);
      }
      settle();
      if (!isQuiet(trials.getFirst().backend.threads())) {
        if (spare > 0) {
          spare--;
          int kept = round--;
          trials.forEach(trial -> trial.keep(kept));
        } else {
          quiet = false;
        }
      }
    }
    return quiet;
  }

  /**
   * Waits until all processors are idle, but not for long: thread pools of some libraries spin for
   * up to 200 ms after their work, at the expense of whoever comes next.
   */
  private static void settle() {
    try {
      for (int wait = 0; wait < SETTLING_WAITS; wait++) {
        long before = Machine.busyTicks();
        Thread.sleep(SETTLING_MILLIS);
        if (Machine.busyTicks() == before) {
          return;
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // whoever waits next ends
    }
  }

  /** Whether nothing but multiply-adds runs nearly as fast as it did at its best. */
  private boolean isQuiet(int threads) {
    if (threads == PeerProvider.ON_GPU) {
      return true; // what else the processor does hardly matters to it
    }
    Optional<Limits.Limit> peak = results.limits().arithmetic("f32", threads);
    if (peak.isEmpty()) {
      return true;
    }
    Limits.Limit limit = peak.get();
    try {
      WorkerProcess worker = worker(probes(threads));
      for (int check = 0; check < CHECKS; check++) {
        double rate = worker.ceiling(limit.variant(), limit.probe(), CACHE_LINE, CHECK_MILLIS);
        if (rate > QUIET * limit.rate()) {
          return true;
        }
      }
      return false;
    } catch (FailedException e) {
      return true; // nobody can tell
    }
  }

  /** The backend whose process runs the probes; one process for each number of threads. */
  private static Backend probes(int threads) {
    return new Backend(PROBES, PROBES.settings(threads).getFirst(), threads);
  }

  /** Measures what a GPU can do, once more. */
  void limits(Backend gpu) throws FailedException {
    results.limits().measureGpu(worker(gpu));
  }

  /** Measures what the processor can do, once more. */
  void limits(int threads) throws FailedException {
    Backend backend = probes(threads);
    List<String> variants =
        backend.provider().settings(threads).stream().map(PeerProvider.Setting::name).toList();
    results.limits().measure(worker(backend), variants);
  }

  private List<Trial> trials(Case c, List<Backend> backends) {
    List<Trial> trials = new ArrayList<>();
    for (Backend backend : backends) {
      for (Case variant : Suites.variants(c, backend.isOwn())) {
        // What ours is compared with may have another name.
        if (!backend.isOwn() || wanted.test(variant.id())) {
          trials.add(new Trial(backend, variant));
        }
      }
    }
    return trials;
  }

  /** What may fail. */
  private interface Attempt {
    void with(WorkerProcess worker) throws FailedException;
  }

  private void attempt(Trial trial, Attempt attempt) {
    if (trial.isRunning()) {
      try {
        attempt.with(worker(trial.backend));
      } catch (FailedException e) {
        trial.failure = String.valueOf(e.getMessage());
      }
    }
  }

  private static @Nullable Ready prepare(WorkerProcess worker, Trial trial) throws FailedException {
    Ready ready = worker.prepare(trial.c);
    trial.absent = ready == null;
    return ready;
  }

  private void measure(Trial trial, int round) {
    attempt(
        trial,
        worker -> {
          Ready ready = trial.ready;
          if (ready == null) {
            return;
          }
          boolean isLong = ready.seconds() >= LONG_RUN;
          int iterations = effort.iterations(ready.seconds());
          int warmUp = round == 0 ? effort.warmUp(ready.seconds()) : isLong ? 0 : SWING_MILLIS;
          int millis = isLong ? 1 : effort.millis() / iterations;
          trial.samples.add(worker.measure(trial.c, warmUp, iterations, millis));
        });
  }

  private void release(Trial trial) {
    WorkerProcess worker = workers.get(trial.backend);
    if (trial.ready != null && worker != null && worker.isAlive()) {
      try {
        worker.release(trial.c);
      } catch (FailedException e) {
        trial.failure = e.getMessage();
      }
    }
  }

  private void record(String suite, List<Trial> trials, boolean quiet) {
    List<Row> rows = new ArrayList<>();
    for (Trial trial : trials) {
      row(suite, trial).map(row -> quiet ? row : row.disturbed()).ifPresent(rows::add);
    }
    addWithRatios(rows);
    compare(trials);
  }

  private static Subject subject(String suite, String id, Backend backend) {
    return new Subject(suite, id, backend.label(), backend.isOwn(), backend.threads());
  }

  private Optional<Row> row(String suite, Trial trial) {
    Subject subject = subject(suite, trial.c.id(), trial.backend);
    if (trial.failure != null) {
      return Optional.of(Row.failed(subject, trial.failure));
    }
    if (trial.absent) {
      return Optional.empty();
    }
    return Optional.of(Row.time(subject, trial.all()));
  }

  /** Adds rows of one case (or its variants) on one number of threads. */
  private void addWithRatios(List<Row> rows) {
    for (Row row : rows) {
      Map<String, Double> ratios = new LinkedHashMap<>();
      if (row.subject().own() && !row.failed()) {
        Stream<Row> theirs = rows.stream().filter(r -> !r.subject().own() && !r.failed());
        for (Row other : beside(row.subject(), theirs, Row::subject)) {
          ratios.put(other.subject().backend(), other.cost() / row.cost());
        }
      }
      results.add(row.withRatios(ratios));
    }
  }

  private void compare(List<Trial> trials) {
    Function<Trial, Subject> subject = trial -> subject("", trial.c.id(), trial.backend);
    for (Trial own : trials) {
      if (!own.backend.isOwn() || own.ready == null) {
        continue;
      }
      Stream<Trial> theirs = trials.stream().filter(t -> !t.backend.isOwn() && t.ready != null);
      for (Trial peer : beside(subject.apply(own), theirs, subject)) {
        double[] result = Objects.requireNonNull(peer.ready).result();
        String backend = own.backend.label();
        results.add(parity(own.c.id(), backend, peer.backend.label(), own.ready.result(), result));
      }
    }
  }

  /** What ours is compared with: of each peer the same case, or else the first one that it has. */
  static <T> Collection<T> beside(Subject own, Stream<T> theirs, Function<T, Subject> subject) {
    String same = StepCase.eager(own.caseId());
    Map<String, T> found = new LinkedHashMap<>();
    theirs.forEach(
        peer ->
            found.merge(
                subject.apply(peer).backend(),
                peer,
                (first, next) -> subject.apply(next).caseId().equals(same) ? next : first));
    return found.values();
  }

  static Results.Parity parity(
      String id, String backend, String peer, double[] ours, double[] theirs) {
    double difference = ours.length == theirs.length ? 0 : Double.NaN;
    double scale = 0;
    for (int i = 0; i < Math.min(ours.length, theirs.length); i++) {
      if (Double.compare(ours[i], theirs[i]) != 0) { // equal infinities have no difference
        difference = Math.max(difference, Math.abs(ours[i] - theirs[i]));
        scale = Math.max(scale, Math.abs(theirs[i]));
      } else if (Double.isFinite(theirs[i])) {
        scale = Math.max(scale, Math.abs(theirs[i]));
      }
    }
    return new Results.Parity(id, backend, peer, difference, scale);
  }

  // ---- other figures ----

  private void figures(
      String suite, Case c, List<Backend> backends, String unit, ToDoubleFunction<Trial> figure) {
    List<Row> rows = new ArrayList<>();
    for (Trial trial : trials(c, backends)) {
      double value = figure.applyAsDouble(trial);
      Subject subject = subject(suite, trial.c.id(), trial.backend);
      if (trial.failure != null) {
        rows.add(Row.failed(subject, trial.failure));
      } else if (!trial.absent) {
        rows.add(Row.figure(subject, value, unit, trial.note));
      }
    }
    addWithRatios(rows);
    saved.run();
  }

  /**
   * Peak resident memory of a fresh process that takes steps: three for parity, some until its
   * memory is warm, two more.
   */
  void memory(Case c, List<Backend> backends) {
    figures(
        "memory",
        c,
        backends,
        "MiB",
        trial -> {
          try (WorkerProcess worker = WorkerProcess.start(trial.backend)) {
            trial.ready = prepare(worker, trial);
            if (trial.absent) {
              return Double.NaN;
            }
            worker.run(trial.c, 2);
            return worker.peakBytes() / (double) (1 << 20);
          } catch (FailedException e) {
            trial.failure = e.getMessage();
            return Double.NaN;
          }
        });
  }

  /** Errors against float64. */
  void accuracy(Case c, List<Backend> backends) {
    figures(
        "accuracy",
        c,
        backends,
        c instanceof OpCase ? "ulp" : "of k·ε",
        trial -> {
          attempt(trial, worker -> trial.ready = prepare(worker, trial));
          release(trial);
          if (trial.ready == null) {
            return Double.NaN;
          }
          double[] result = trial.ready.result();
          Accuracy.Worst worst =
              c instanceof OpCase op
                  ? Accuracy.ofFunction(op, result)
                  : Accuracy.ofProduct((GemmCase) c, result);
          trial.note = "at " + worst.at();
          return worst.error();
        });
  }

  /** From the start of a JVM to the first gradient. */
  void startUp(List<Backend> backends) {
    Map<Backend, double[]> samples = new LinkedHashMap<>();
    Map<Backend, String> failures = new HashMap<>();
    for (int i = 0; i < STARTS; i++) {
      for (Backend backend : backends) {
        try {
          samples.computeIfAbsent(backend, _ -> new double[STARTS])[i] =
              FirstGradient.time(backend);
        } catch (IOException e) {
          failures.put(backend, String.valueOf(e.getMessage()));
        }
      }
    }
    List<Row> rows = new ArrayList<>();
    for (Backend backend : backends) {
      Subject subject = subject("overhead", START_UP, backend);
      String failure = failures.get(backend);
      double[] all = samples.getOrDefault(backend, new double[0]);
      if (failure != null) {
        rows.add(Row.failed(subject, failure));
      } else if (all.length > 0 && !Double.isNaN(all[0])) {
        rows.add(Row.time(subject, all));
      }
    }
    addWithRatios(rows);
    saved.run();
  }

  @Override
  public void close() {
    workers.values().forEach(WorkerProcess::close);
  }
}
