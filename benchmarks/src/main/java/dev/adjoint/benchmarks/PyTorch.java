package dev.adjoint.benchmarks;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;

/** A Python process that answers a line for each line of JSON; see pytorch.py. */
final class PyTorch implements Peer {
  private static final String SCRIPT = "pytorch.py";

  private final Process process;
  private final PrintWriter requests;
  private final BufferedReader answers;
  private final String version;

  PyTorch(String setting, int threads) {
    try (InputStream in = Objects.requireNonNull(PyTorch.class.getResourceAsStream(SCRIPT))) {
      Path script = Files.createTempFile("adjoint-", "-" + SCRIPT);
      script.toFile().deleteOnExit();
      Files.copy(in, script, StandardCopyOption.REPLACE_EXISTING);
      process =
          new ProcessBuilder(
                  PyTorchProvider.python(),
                  script.toString(),
                  PyTorchProvider.device(),
                  setting,
                  String.valueOf(threads))
              .redirectError(ProcessBuilder.Redirect.INHERIT)
              .start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    requests = new PrintWriter(process.outputWriter(StandardCharsets.UTF_8), true);
    answers = process.inputReader(StandardCharsets.UTF_8);
    version = answer();
  }

  private String answer() {
    String answer;
    try {
      answer = answers.readLine();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    if (answer == null) {
      throw new IllegalStateException("the Python process ended");
    }
    if (answer.startsWith("failed ")) {
      throw new IllegalStateException(answer.substring("failed ".length()));
    }
    return answer;
  }

  private String ask(String what, String id, Map<String, Object> more) {
    Map<String, Object> request = new LinkedHashMap<>(Map.of("do", what, "id", id));
    request.putAll(more);
    requests.println(Json.write(request).replace("\n", ""));
    return answer();
  }

  private String ask(String what, String id) {
    return ask(what, id, Map.of());
  }

  @Override
  public String version() {
    return version;
  }

  /** Handed over to another process, whichever device that has. */
  @Override
  public boolean isAsynchronous() {
    return true;
  }

  @Override
  public OptionalLong peakBytes() {
    return OptionalLong.of(Long.parseLong(ask("peak", "")));
  }

  @Override
  public Optional<Workload> prepare(Case c) {
    Optional<Map<String, Object>> description =
        switch (c) {
          case GemmCase gemm -> Optional.of(describe(gemm));
          case OpCase op -> Optional.of(describe(op));
          case StepCase step when !step.captured() -> Optional.of(describe(step));
          case StepCase _, ProbeCase _ -> Optional.empty();
        };
    return description.map(
        words -> {
          ask("prepare", c.id(), words);
          return new Remote(c.id());
        });
  }

  private static Map<String, Object> describe(GemmCase c) {
    Map<String, Object> words = new LinkedHashMap<>();
    words.put("kind", "gemm");
    words.put("dtype", c.dtype());
    words.put("batch", c.batch());
    words.put("m", c.m());
    words.put("n", c.n());
    words.put("k", c.k());
    words.put("transA", c.transA() ? 1 : 0);
    words.put("transB", c.transB() ? 1 : 0);
    return words;
  }

  private static Map<String, Object> describe(OpCase c) {
    Map<String, Object> words = new LinkedHashMap<>();
    words.put("kind", c.isOptimizer() ? "optimizer" : "op");
    words.put("op", c.op());
    words.put("dtype", c.dtype());
    words.put("backward", c.backward() ? 1 : 0);
    words.put("inputs", c.inputs().stream().map(PyTorch::describe).toList());
    words.put("tensors", c.isOptimizer() ? c.tensorSizes() : List.of());
    return words;
  }

  private static Map<String, Object> describe(OpCase.Input input) {
    Map<String, Object> words = new LinkedHashMap<>();
    words.put("shape", input.shape());
    words.put("bound", input.bound());
    words.put("scale", input.scale());
    words.put("wide", input.wide() ? 1 : 0);
    return words;
  }

  private static Map<String, Object> describe(StepCase c) {
    StepCase.Model model = c.model();
    Map<String, Object> words = new LinkedHashMap<>();
    words.put(
        "kind", model.isGpt() ? "gpt" : model == StepCase.Model.SCALAR_LOOP ? "scalar" : "mlp");
    words.put("optimizer", c.optimizer().name().toLowerCase(Locale.ROOT));
    words.put("precision", c.precision());
    words.put("batch", model.batch);
    words.put("length", model.length);
    words.put("vocabulary", model.vocabulary());
    words.put("context", model.context());
    words.put("layers", model.layers());
    words.put("heads", model.heads());
    words.put("width", model.width());
    return words;
  }

  /** A workload of the other process. */
  private final class Remote implements Workload {
    private final String id;

    Remote(String id) {
      this.id = id;
    }

    @Override
    public void run() {
      run(1);
    }

    @Override
    public void run(int times) {
      ask("run", id, Map.of("times", times));
    }

    @Override
    public double[] result() {
      return Worker.decode(ask("result", id));
    }

    @Override
    public void close() {
      ask("release", id);
    }
  }

  @Override
  public void close() {
    requests.close(); // the end of its input
    try {
      if (!process.waitFor(5, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
