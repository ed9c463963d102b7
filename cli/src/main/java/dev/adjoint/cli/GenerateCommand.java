package dev.adjoint.cli;

import dev.adjoint.Device;
import dev.adjoint.Scope;
import dev.adjoint.data.CharTokenizer;
import dev.adjoint.io.Checkpoints.Checkpoint;
import dev.adjoint.nn.Init;
import dev.adjoint.nn.models.Gpt2;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

@Command(
    name = "generate",
    sortOptions = false,
    abbreviateSynopsis = true,
    showDefaultValues = true,
    description = "Let a trained model continue a text.")
final class GenerateCommand implements Callable<Integer> {
  @Option(
      names = "--from",
      paramLabel = "DIR",
      required = true,
      showDefaultValue = CommandLine.Help.Visibility.NEVER,
      description = "The folder of a run of 'adjoint train'.")
  private Path from = Path.of("");

  @Option(
      names = "--prompt",
      paramLabel = "TEXT",
      required = true,
      showDefaultValue = CommandLine.Help.Visibility.NEVER,
      description = "What the text begins with.")
  private String prompt = "";

  @Option(
      names = "--length",
      paramLabel = "N",
      defaultValue = "500",
      description = "Characters to write.")
  private int length;

  @Option(
      names = "--temperature",
      paramLabel = "X",
      defaultValue = "0.8",
      description = "1: as learned, less: safer, 0: always the likeliest character.")
  private double temperature;

  @Option(
      names = "--top-k",
      paramLabel = "N",
      defaultValue = "0",
      description = "Only among so many of the likeliest characters; 0: all.")
  private int topK;

  @Option(
      names = "--top-p",
      paramLabel = "X",
      defaultValue = "1.0",
      description = "Only among the likeliest characters that together have this probability.")
  private double topP;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "1",
      description = "Equal seeds write equal texts.")
  private long seed;

  @Mixin private DeviceOptions deviceOptions = new DeviceOptions();

  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public Integer call() {
    check(!prompt.isEmpty(), "--prompt needs at least one character");
    check(length >= 0, "--length must not be negative, got " + length);
    check(temperature >= 0, "--temperature must not be negative, got " + temperature);
    check(topK >= 0, "--top-k must not be negative, got " + topK);
    check(topP > 0 && topP <= 1, "--top-p must be above 0 and at most 1, got " + topP);
    Device device = deviceOptions.open();
    PrintWriter print = spec.commandLine().getOut();
    try (var _ = Scope.open()) {
      Checkpoint checkpoint = TrainCommand.latest(from, device);
      RunInfo info = RunInfo.fromJson(checkpoint.train());
      CharTokenizer tokenizer = CharTokenizer.of(info.vocabulary());
      try (Gpt2 model = Init.skip(() -> info.settings().model(tokenizer.size()));
          var _ = info.settings().precision().use()) {
        model.loadStateDict(checkpoint.model());
        print.print(prompt);
        new Sampler(temperature, topK, topP, seed)
            .write(
                model,
                tokenizer,
                prompt,
                length,
                character -> {
                  print.print(character);
                  print.flush();
                });
        print.println();
      }
    }
    return 0;
  }

  private void check(boolean condition, String message) {
    if (!condition) {
      throw new ParameterException(spec.commandLine(), message);
    }
  }
}
