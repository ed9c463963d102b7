package dev.adjoint.benchmarks;

import dev.adjoint.benchmarks.PeerProvider.Setting;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The other end of a {@link Worker}. */
final class WorkerProcess implements AutoCloseable {
  /** Longer than any case may take. */
  private static final int TIMEOUT_SECONDS = 300;

  private static final String END = "";

  /**
   * Which peer, in which setting, with how many threads.
   *
   * @param provider of the peer
   * @param setting of its process
   * @param threads that compute; {@link PeerProvider#ON_GPU} on a GPU
   */
  record Backend(PeerProvider provider, Setting setting, int threads) {
    /** Whether it is one of ours. */
    boolean isOwn() {
      return provider instanceof AdjointProviders.OfType;
    }

    /** Whether it computes on a GPU. */
    boolean isGpu() {
      return threads == PeerProvider.ON_GPU;
    }

    /** What reports call it. */
    String label() {
      String detail = setting.name();
      return detail.isEmpty() ? provider.name() : provider.name() + ":" + detail;
    }
  }

  /** A prepared case: how long a run takes, and the result of the first ones. */
  @SuppressWarnings("ArrayRecordComponent") // only a pair; nobody compares them
  record Ready(double seconds, double[] result) {}

  /** The worker cannot do that; the message says why. */
  static final class FailedException extends Exception {
    private static final long serialVersionUID = 1;

    FailedException(String reason) {
      super(reason);
    }
  }

  final Backend backend;
  final String version;
  private final Process process;
  private final Path log;
  private final PrintWriter requests;
  private int logStart;
  private final BlockingQueue<String> answers = new LinkedBlockingQueue<>();

  private WorkerProcess(Backend backend) throws IOException, FailedException {
    this.backend = backend;
    log = Files.createTempFile("adjoint-benchmark-", ".log");
    process = builder(backend, Worker.class).redirectError(log.toFile()).start();
    requests = new PrintWriter(process.outputWriter(StandardCharsets.UTF_8), true);
    Thread.ofVirtual().start(this::listen);
    version = answer().substring("hello ".length());
  }

  /**
   * Starts a process.
   *
   * @throws FailedException with the reason if the peer does not come up
   */
  static WorkerProcess start(Backend backend) throws FailedException {
    try {
      return new WorkerProcess(backend);
    } catch (IOException e) {
      throw new FailedException(String.valueOf(e.getMessage()));
    }
  }

  /** A JVM that is to run a program for a backend. */
  static ProcessBuilder builder(Backend backend, Class<?> program) {
    List<String> command = new ArrayList<>();
    command.add(System.getProperty("java.home") + File.separator + "bin" + File.separator + "java");
    command.addAll(
        List.of(
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-XX:+UseSerialGC",
            "-Xmx1g",
            "-Djmh.ignoreLock=true",
            "-Djmh.executor=CUSTOM",
            "-Djmh.executor.class=" + WorkloadThread.class.getName()));
    command.addAll(backend.setting().jvmOptions());
    command.addAll(
        List.of(
            "-cp",
            System.getProperty("java.class.path"),
            program.getName(),
            backend.provider().name(),
            backend.setting().name(),
            String.valueOf(backend.threads())));
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().putAll(backend.setting().environment());
    return builder;
  }

  private void listen() {
    try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        if (line.startsWith(Worker.MARK)) {
          answers.add(line.substring(Worker.MARK.length()));
        }
      }
    } catch (IOException e) {
      // it died: the end follows
    }
    answers.add(END);
  }

  private String answer() throws FailedException {
    String answer;
    try {
      answer = answers.poll(TIMEOUT_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new FailedException("interrupted");
    }
    if (answer == null) {
      process.destroyForcibly();
      throw new FailedException("no answer for " + TIMEOUT_SECONDS + " s");
    }
    if (answer.equals(END)) {
      answers.add(END); // for whoever asks next
      throw new FailedException("the process ended" + lastWords());
    }
    if (answer.startsWith("failed ")) {
      throw new FailedException(answer.substring("failed ".length()));
    }
    return answer;
  }

  /** What it wrote since the last request, as far as it fits a line. */
  private String lastWords() {
    try {
      String exit = " with exit code " + process.waitFor();
      String words = Files.readString(log).substring(logStart).strip();
      return words.isEmpty() ? exit : exit + ": " + words.lines().toList().getLast();
    } catch (IOException e) {
      return "";
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return "";
    }
  }

  private String[] ask(Object... words) throws FailedException {
    StringBuilder request = new StringBuilder();
    for (Object word : words) {
      request.append(request.isEmpty() ? "" : " ").append(word);
    }
    try {
      logStart = Files.readString(log).length();
    } catch (IOException e) {
      logStart = 0; // the words are only a help
    }
    requests.println(request);
    return answer().split(" ", -1);
  }

  boolean isAlive() {
    return process.isAlive();
  }

  /** Makes a case ready; null if the peer does not have it. */
  @Nullable Ready prepare(Case c) throws FailedException {
    String[] answer = ask("prepare", c.id());
    return answer[0].equals("absent")
        ? null
        : new Ready(Double.parseDouble(answer[1]), Worker.decode(answer[2]));
  }

  /** Seconds of one run, one value for each iteration. */
  double[] measure(Case c, int warmUpMillis, int iterations, int millis) throws FailedException {
    return Worker.decode(ask("measure", c.id(), warmUpMillis, iterations, millis)[1]);
  }

  /** Runs a prepared case. */
  void run(Case c, int times) throws FailedException {
    ask("run", c.id(), times);
  }

  /** Frees a case's memory. */
  void release(Case c) throws FailedException {
    ask("release", c.id());
  }

  /** The rate of a probe, per second. */
  double ceiling(String variant, String name, long bytes, int millis) throws FailedException {
    return Double.parseDouble(ask("ceiling", variant, name, bytes, millis)[1]);
  }

  /** The rate of a probe on the peer's GPU, per second. */
  double gpuCeiling(String name, int millis) throws FailedException {
    return Double.parseDouble(ask("gpu-ceiling", name, millis)[1]);
  }

  /** The most memory that the process had so far, in bytes. */
  long peakBytes() throws FailedException {
    return Long.parseLong(ask("peak")[1]);
  }

  @Override
  public void close() {
    requests.close(); // the end of its input
    try {
      if (!process.waitFor(5, TimeUnit.SECONDS)) {
        process.destroyForcibly().waitFor();
      }
      Files.deleteIfExists(log);
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    } catch (IOException e) {
      // a file too many among the temporary ones
    }
  }
}
