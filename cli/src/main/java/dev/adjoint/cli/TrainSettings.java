package dev.adjoint.cli;

import dev.adjoint.Adjoint;
import dev.adjoint.DType;
import dev.adjoint.Precision;
import dev.adjoint.Tensor;
import dev.adjoint.nn.NeuralModule;
import dev.adjoint.nn.models.Gpt2;
import dev.adjoint.optim.AdamW;
import dev.adjoint.optim.LearningRate;
import dev.adjoint.optim.ParameterGroup;
import dev.adjoint.spi.Messages;
import dev.adjoint.train.Trainer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/**
 * All that decides how a run goes. A checkpoint keeps the options by name, and resuming reads them
 * as if they stood on the command line: each is declared here and nowhere else.
 */
final class TrainSettings {
  /** A weight, its gradient, and two averages of AdamW's, in F32. */
  private static final int BYTES_PER_PARAMETER = 4 * Float.BYTES;

  @Option(
      names = "--data",
      paramLabel = "FILE|DIR|ZIP",
      description = "Text to learn, in UTF-8 (default: java.util from the JDK's lib/src.zip).")
  @Nullable Path data;

  @Option(
      names = "--layers",
      paramLabel = "N",
      defaultValue = "4",
      description = "Transformer blocks.")
  int layers;

  @Option(
      names = "--heads",
      paramLabel = "N",
      defaultValue = "4",
      description = "Attention heads in each block.")
  int heads;

  @Option(
      names = "--channels",
      paramLabel = "N",
      defaultValue = "128",
      description = "Width of the model; a multiple of the heads.")
  int channels;

  @Option(
      names = "--context",
      paramLabel = "N",
      defaultValue = "64",
      description = "How many characters the model sees at once.")
  int context;

  @Option(
      names = "--bias",
      arity = "1",
      paramLabel = "BOOLEAN",
      defaultValue = "true",
      description = "Whether linear layers and layer norms have one (default: true).")
  boolean bias;

  @Option(
      names = "--dropout",
      paramLabel = "X",
      defaultValue = "0.0",
      description = "Probability of dropping.")
  double dropout;

  @Option(
      names = "--batch",
      paramLabel = "N",
      defaultValue = "12",
      description = "Windows of text in each step.")
  int batch;

  @Option(
      names = "--steps",
      paramLabel = "N",
      defaultValue = "3000",
      description = "Steps of the whole schedule.")
  long steps;

  @Option(
      names = "--learning-rate",
      paramLabel = "X",
      defaultValue = "0.002",
      description = "The highest one, after the warm-up.")
  double learningRate;

  @Option(
      names = "--min-learning-rate",
      paramLabel = "X",
      defaultValue = "0.0002",
      description = "The last one; a cosine leads there.")
  double minLearningRate;

  @Option(
      names = "--warmup",
      paramLabel = "N",
      defaultValue = "100",
      description = "Steps in which the learning rate rises; at most a tenth of all.")
  long warmup;

  @Option(
      names = "--weight-decay",
      paramLabel = "X",
      defaultValue = "0.1",
      description = "Of matrices; biases and norms have none.")
  double weightDecay;

  @Option(
      names = "--beta1",
      paramLabel = "X",
      defaultValue = "0.9",
      description = "AdamW's memory of gradients.")
  double beta1;

  @Option(
      names = "--beta2",
      paramLabel = "X",
      defaultValue = "0.99",
      description = "AdamW's memory of squares.")
  double beta2;

  @Option(
      names = "--eps",
      paramLabel = "X",
      defaultValue = "1e-8",
      description = "AdamW's smallest divisor.")
  double eps;

  @Option(
      names = "--clip",
      paramLabel = "X",
      defaultValue = "1.0",
      description = "Largest norm of all gradients together; 0: no limit.")
  double clip;

  @Option(
      names = "--eval-every",
      paramLabel = "N",
      defaultValue = "100",
      description = "Steps between validations; 0: none.")
  long evalEvery;

  @Option(
      names = "--eval-batches",
      paramLabel = "N",
      defaultValue = "20",
      description = "Batches in a validation.")
  int evalBatches;

  @Option(
      names = "--save-every",
      paramLabel = "N",
      defaultValue = "200",
      description = "Steps between checkpoints; 0: only at the end.")
  long saveEvery;

  @Option(
      names = "--captured",
      arity = "1",
      paramLabel = "BOOLEAN",
      defaultValue = "true",
      description =
          "Whether steps are recorded once and replayed; the results are the same (default: true).")
  boolean captured;

  @Option(
      names = "--precision",
      paramLabel = "F32|TF32|BF16",
      description =
          "How matrix products read their factors; everything else stays F32. BF16 is faster on"
              + " AMD's CPUs with AVX512_BF16 and on GPUs, TF32 on GPUs (default: F32, or BF16 with"
              + " --activations BF16).")
  @Nullable Precision precision;

  @Option(
      names = "--activations",
      paramLabel = "F32|BF16",
      defaultValue = "F32",
      description =
          "Type of what flows between layers; parameters and the optimizer stay F32. BF16 halves"
              + " its memory and is faster on GPUs; CPUs are slower with it.")
  DType activations = DType.F32;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "1",
      description = "Of all that is random.")
  long seed;

  @Option(
      names = "--sample-length",
      paramLabel = "N",
      defaultValue = "500",
      description = "Characters to write in the end; 0: none.")
  int sampleLength;

  /** Refuses what no run could start with. */
  void check(CommandLine command) {
    require(
        command,
        Stream.of(layers, heads, channels, context, batch).allMatch(n -> n > 0),
        "--layers, --heads, --channels, --context and --batch must be positive");
    require(
        command,
        channels % Math.max(1, heads) == 0,
        "--channels must be a multiple of --heads: " + channels + " is none of " + heads);
    require(command, steps > 0, "--steps must be positive, got " + steps);
    require(
        command,
        Stream.of(warmup, evalEvery, saveEvery, (long) sampleLength).allMatch(n -> n >= 0),
        "--warmup, --eval-every, --save-every and --sample-length must not be negative");
    require(command, evalBatches > 0, "--eval-batches must be positive, got " + evalBatches);
    require(command, dropout >= 0 && dropout < 1, "--dropout must be in [0, 1), got " + dropout);
    require(
        command,
        Stream.of(learningRate, weightDecay, eps).allMatch(Double::isFinite),
        "--learning-rate, --weight-decay and --eps must be finite");
    require(
        command,
        learningRate > 0 && minLearningRate >= 0 && minLearningRate <= learningRate,
        "--learning-rate must be positive and --min-learning-rate between 0 and it");
    require(
        command,
        weightDecay >= 0 && clip >= 0 && eps >= 0,
        "--weight-decay, --clip and --eps must not be negative");
    require(
        command,
        beta1 >= 0 && beta1 < 1 && beta2 >= 0 && beta2 < 1,
        "--beta1 and --beta2 must be in [0, 1)");
    require(
        command,
        activations == DType.F32 || activations == DType.BF16,
        "--activations must be F32 or BF16, got " + activations);
    require(
        command,
        activations == DType.F32 || precision() == Precision.BF16,
        "--activations BF16 needs --precision BF16, which is implied, got " + precision());
    checkSize(command);
  }

  /** Refuses at once what would take minutes to run out of memory. */
  private void checkSize(CommandLine command) {
    double parameters = ((double) layers * 12 * channels + context) * channels;
    double bytes = parameters * BYTES_PER_PARAMETER;
    long budget = Adjoint.memory(Adjoint.defaultDevice()).budget();
    require(
        command,
        bytes <= budget,
        String.format(
            Locale.ROOT,
            "--layers, --channels and --context make a model of %.1e parameters, which needs %.1f"
                + " GiB with its gradients and AdamW's averages; tensors may use %.1f GiB",
            parameters,
            bytes / (1L << 30),
            budget / (double) (1L << 30)));
  }

  private static void require(CommandLine command, boolean condition, String message) {
    if (!condition) {
      throw new ParameterException(command, message);
    }
  }

  Gpt2 model(int vocabulary) {
    return new Gpt2(
        new Gpt2.Config(vocabulary, context, layers, heads, channels, dropout, bias, activations));
  }

  /** In which the model runs, learning or writing. */
  Precision precision() {
    return precision != null
        ? precision
        : activations == DType.BF16 ? Precision.BF16 : Precision.F32;
  }

  AdamW optimizer(NeuralModule model) {
    List<Tensor> matrices = new ArrayList<>();
    List<Tensor> others = new ArrayList<>();
    model.parameters().forEach(p -> (p.rank() >= 2 ? matrices : others).add(p));
    return AdamW.builder(learningRate)
        .betas(beta1, beta2)
        .eps(eps)
        .weightDecay(weightDecay)
        .group(matrices)
        .group(ParameterGroup.of(others).withWeightDecay(0))
        .build();
  }

  Trainer.Config trainer() {
    long rising = Math.min(warmup, steps / 10);
    LearningRate rate =
        LearningRate.cosine(learningRate, steps - rising, minLearningRate).withWarmup(rising);
    return Trainer.Config.of(steps, rate)
        .withClipNorm(clip == 0 ? Double.POSITIVE_INFINITY : clip)
        .withEvaluation(evalEvery, evalBatches)
        .withCaptured(captured)
        .withPrecision(precision());
  }

  // ---- as part of a checkpoint ----

  /** The options' values by name. */
  Map<String, Object> toJson() {
    Map<String, Object> json = new LinkedHashMap<>();
    for (OptionSpec option : CommandSpec.forAnnotatedObject(this).options()) {
      Object value = option.getValue();
      if (value instanceof Path path) {
        json.put(option.longestName(), path.toAbsolutePath().normalize().toString());
      } else if (value instanceof Enum) {
        json.put(option.longestName(), value.toString());
      } else if (value instanceof Double number && !Double.isFinite(number)) {
        json.put(option.longestName(), number.toString()); // JSON has no number for it
      } else if (value instanceof Integer number) {
        json.put(option.longestName(), number.longValue());
      } else if (value != null) {
        json.put(option.longestName(), value);
      }
    }
    return json;
  }

  /** Reads what {@link #toJson} wrote. */
  static TrainSettings fromJson(Map<?, ?> json) {
    TrainSettings settings = new TrainSettings();
    String[] arguments =
        json.entrySet().stream().map(e -> e.getKey() + "=" + e.getValue()).toArray(String[]::new);
    try {
      new CommandLine(settings).setExpandAtFiles(false).parseArgs(arguments);
    } catch (ParameterException e) {
      throw new CommandException(
          "the checkpoint's settings cannot be read: "
              + Messages.quoted(String.valueOf(e.getMessage())),
          e);
    }
    return settings;
  }
}
