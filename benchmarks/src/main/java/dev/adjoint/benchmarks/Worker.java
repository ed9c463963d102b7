package dev.adjoint.benchmarks;

import dev.adjoint.benchmarks.PeerProvider.Setting;
import dev.adjoint.nativecpu.Ceilings;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.ServiceLoader;

/**
 * The program of a process that runs one peer. It reads a request a line and answers each with a
 * line that starts with {@link #MARK}; whatever else a library prints is passed over.
 *
 * <pre>
 * prepare ID                                ready SECONDS RESULT | absent
 * measure ID WARMUP_MS ITERATIONS MILLIS    samples SECONDS
 * run ID TIMES                              done
 * release ID                                released
 * ceiling VARIANT NAME BYTES MILLIS         rate PER_SECOND
 * gpu-ceiling NAME MILLIS                   rate PER_SECOND
 * peak                                      bytes NUMBER
 * </pre>
 *
 * Results and samples are numbers in {@link #encode}'s form. Anything may be answered by {@code
 * failed REASON}. At its start it says {@code hello VERSION}; at the end of its input it ends.
 */
public final class Worker {
  /** What an answer starts with. */
  static final String MARK = "@adjoint ";

  /** Seconds. */
  private static final double SLOW = 0.5;

  /** What is handed over at once should take so many seconds: waiting for it costs little then. */
  private static final double BATCH = 0.02;

  private static final int MOST_RUNS = 5000;

  private final Peer peer;
  private final Map<String, Prepared> workloads = new HashMap<>();

  /** A workload, and how many of its runs are handed over at once when it is measured. */
  private record Prepared(Workload workload, int runs) {}

  private Worker(Peer peer) {
    this.peer = peer;
  }

  /**
   * Serves until the input ends.
   *
   * @param args the provider's name, the setting's name, the number of threads
   */
  public static void main(String[] args) throws IOException {
    PrintStream answers = System.out;
    System.setOut(System.err); // libraries' words are no answers
    int threads = Integer.parseInt(args[2]);
    Worker worker;
    try {
      PeerProvider provider = provider(args[0]);
      Setting setting = setting(provider, args[1], threads);
      Peer peer = WorkloadThread.call(() -> provider.open(setting, threads));
      worker = new Worker(peer);
      answer(answers, "hello " + peer.version());
    } catch (Throwable e) {
      answer(answers, failure(e));
      return;
    }
    BufferedReader requests =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = requests.readLine(); line != null; line = requests.readLine()) {
      answer(answers, worker.serve(line));
    }
    System.exit(0); // whichever threads a library may have left behind
  }

  static PeerProvider provider(String name) {
    return ServiceLoader.load(PeerProvider.class).stream()
        .map(ServiceLoader.Provider::get)
        .filter(candidate -> candidate.name().equals(name))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException("no backend is called '" + name + "'"));
  }

  static Setting setting(PeerProvider provider, String name, int threads) {
    return provider.settings(threads).stream()
        .filter(candidate -> candidate.name().equals(name))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException("no setting is called '" + name + "'"));
  }

  private static void answer(PrintStream answers, String text) {
    answers.println(MARK + text);
    answers.flush();
  }

  private static String failure(Throwable e) {
    String message =
        e.getMessage() == null ? "" : ": " + e.getMessage().lines().findFirst().orElse("");
    e.printStackTrace();
    return "failed " + e.getClass().getSimpleName() + message;
  }

  private String serve(String request) {
    String[] words = request.split(" ", -1);
    try {
      return switch (words[0]) {
        case "prepare" -> prepare(words[1]);
        case "measure" ->
            "samples "
                + encode(
                    CaseBenchmark.measure(
                        prepared(words[1]).workload(),
                        prepared(words[1]).runs(),
                        Integer.parseInt(words[2]),
                        Integer.parseInt(words[3]),
                        Integer.parseInt(words[4])));
        case "run" -> run(prepared(words[1]).workload(), Integer.parseInt(words[2]));
        case "release" -> release(words[1]);
        case "ceiling" -> ceiling(words[1], words[2], words[3], words[4]);
        case "gpu-ceiling" -> "rate " + gpuCeiling(words[1], words[2]);
        case "peak" -> "bytes " + peakBytes();
        default -> throw new IllegalArgumentException("unknown request: " + request);
      };
    } catch (Throwable e) {
      return failure(e);
    }
  }

  private Prepared prepared(String id) {
    Prepared prepared = workloads.get(id);
    if (prepared == null) {
      throw new IllegalStateException(id + " is not prepared");
    }
    return prepared;
  }

  private String prepare(String id) throws Exception {
    Case c = Case.parse(id);
    return WorkloadThread.call(
        () -> {
          Optional<Workload> prepared = peer.prepare(c);
          if (prepared.isEmpty()) {
            return "absent";
          }
          Workload workload = prepared.get();
          workloads.put(id, new Prepared(workload, 1)); // to be closed if it fails now
          double first = seconds(workload, c.runsToCompare());
          String result = encode(workload.result());
          WarmUp.HERE.settle(() -> workload.run(1));
          // The first runs are slow; how slow a later one is decides how often it is measured.
          double later = first < SLOW ? seconds(workload, 1) : first / c.runsToCompare();
          if (peer.isAsynchronous()) {
            int runs = Math.clamp(Math.round(BATCH / later), 1, MOST_RUNS);
            workloads.put(id, new Prepared(workload, runs));
          }
          return "ready " + later + " " + result;
        });
  }

  private static double seconds(Workload workload, int times) {
    long start = System.nanoTime();
    workload.run(times);
    return (System.nanoTime() - start) * 1e-9;
  }

  private static String run(Workload workload, int times) throws Exception {
    return WorkloadThread.call(
        () -> {
          seconds(workload, times);
          return "done";
        });
  }

  private String release(String id) throws Exception {
    return WorkloadThread.call(
        () -> {
          Prepared prepared = workloads.remove(id);
          if (prepared != null) {
            prepared.workload().close();
          }
          peer.trim();
          return "released";
        });
  }

  private static String ceiling(String variant, String name, String bytes, String millis) {
    try (Ceilings ceilings = new Ceilings(variant)) {
      return "rate " + ceilings.rate(name, Long.parseLong(bytes), Integer.parseInt(millis) * 1e-3);
    }
  }

  private double gpuCeiling(String name, String millis) throws Exception {
    return WorkloadThread.call(() -> peer.ceiling(name, Integer.parseInt(millis) * 1e-3));
  }

  private long peakBytes() throws Exception {
    OptionalLong own = WorkloadThread.call(peer::peakBytes);
    return own.isPresent() ? own.getAsLong() : ResidentMemory.peakBytes();
  }

  /** Numbers as one word, exactly. */
  static String encode(double[] values) {
    ByteBuffer bytes = ByteBuffer.allocate(values.length * Double.BYTES);
    bytes.asDoubleBuffer().put(values);
    return Base64.getEncoder().encodeToString(bytes.array());
  }

  /** Reads what {@link #encode} wrote. */
  static double[] decode(String word) {
    ByteBuffer bytes = ByteBuffer.wrap(Base64.getDecoder().decode(word));
    double[] values = new double[bytes.remaining() / Double.BYTES];
    bytes.asDoubleBuffer().get(values);
    return values;
  }
}
