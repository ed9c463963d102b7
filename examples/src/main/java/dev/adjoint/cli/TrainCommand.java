package dev.adjoint.cli;

import dev.adjoint.Device;
import dev.adjoint.Scope;
import dev.adjoint.io.Checkpoints;
import dev.adjoint.io.Checkpoints.Checkpoint;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

@Command(
    name = "train",
    sortOptions = false,
    abbreviateSynopsis = true,
    showDefaultValues = true,
    description =
        "Train a small GPT on a text, character by character: by default on the Java source of the"
            + " running JDK.")
final class TrainCommand implements Callable<Integer> {
  @Option(
      names = "--out",
      paramLabel = "DIR",
      description =
          "Where checkpoints, metrics.csv and loss.png go (default: runs/1, or the next number that is free).")
  private @Nullable Path out;

  @Option(
      names = "--resume",
      paramLabel = "DIR",
      description = "Continue the run in a folder, with the options it was started with.")
  private @Nullable Path resume;

  @Option(
      names = "--stop-at",
      paramLabel = "STEP",
      description = "Stop after this step, as if interrupted; the schedule stays that of --steps.")
  private @Nullable Long stopAt;

  @Mixin private TrainSettings settings = new TrainSettings();

  @Mixin private DeviceOptions deviceOptions = new DeviceOptions();

  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public Integer call() throws IOException {
    PrintWriter print = spec.commandLine().getOut();
    if (stopAt != null && stopAt < 1) {
      throw new ParameterException(spec.commandLine(), "--stop-at must be positive, got " + stopAt);
    }
    Device device = deviceOptions.open();
    try (var _ = Scope.open()) {
      if (resume == null) {
        settings.check(spec.commandLine());
        train(newFolder(), device, null, print);
      } else {
        Checkpoint checkpoint = latest(resume, device);
        RunInfo before = RunInfo.fromJson(checkpoint.train());
        settings = resumedSettings(before.settings());
        if (!before.device().equals(device.toString())) {
          spec.commandLine()
              .getErr()
              .printf(
                  Locale.ROOT,
                  "warning: this run began on %s and goes on on %s: the last digits may differ%n",
                  before.device(),
                  device);
        }
        train(resume, device, checkpoint, print);
      }
    }
    return 0;
  }

  /** The latest checkpoint in a folder; its tensors are born in the current scope. */
  static Checkpoint latest(Path folder, Device device) {
    if (!Files.isDirectory(folder)) {
      throw new CommandException(folder + ": no such folder");
    }
    return new Checkpoints(folder)
        .latest(device)
        .orElseThrow(() -> new CommandException(folder + ": there is no checkpoint in it"));
  }

  private Path newFolder() {
    if (out == null) {
      int number = 1;
      while (Files.exists(Path.of("runs", Integer.toString(number)))) {
        number++;
      }
      return Path.of("runs", Integer.toString(number));
    }
    if (Files.exists(out.resolve("LATEST"))) {
      throw new CommandException(
          out
              + ": holds a run already; continue it with --resume "
              + out
              + ", or name another --out");
    }
    return out;
  }

  /** The run's own settings; of all options only the place of the data may be given anew. */
  private TrainSettings resumedSettings(TrainSettings before) {
    List<String> own =
        CommandSpec.forAnnotatedObject(before).options().stream()
            .map(OptionSpec::longestName)
            .toList();
    for (OptionSpec given : spec.commandLine().getParseResult().matchedOptions()) {
      String name = given.longestName();
      if (name.equals("--out") || (own.contains(name) && !name.equals("--data"))) {
        throw new ParameterException(
            spec.commandLine(), name + " belongs to the run and cannot be changed by --resume");
      }
    }
    if (settings.data != null) {
      before.data = settings.data;
    }
    return before;
  }

  private void train(Path folder, Device device, @Nullable Checkpoint checkpoint, PrintWriter print)
      throws IOException {
    Corpus corpus = settings.data == null ? Corpus.ofJdk() : Corpus.of(settings.data);
    corpus.requireWindows(settings.context);
    try (TrainingRun run = new TrainingRun(settings, corpus, device, folder)) {
      if (checkpoint != null) {
        run.restore(checkpoint);
      }
      run.describe(print);
      run.train(stopAt == null ? settings.steps : Math.min(stopAt, settings.steps), print);
    }
  }
}
