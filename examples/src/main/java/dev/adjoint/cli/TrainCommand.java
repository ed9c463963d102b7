package dev.adjoint.cli;

import dev.adjoint.Adjoint;
import dev.adjoint.Device;
import dev.adjoint.Generator;
import dev.adjoint.Scope;
import dev.adjoint.data.CharTokenizer;
import dev.adjoint.io.Checkpoints;
import dev.adjoint.io.Checkpoints.Checkpoint;
import dev.adjoint.nn.models.Gpt2;
import dev.adjoint.optim.Optimizer;
import dev.adjoint.train.Trainer;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
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
    showDefaultValues = true,
    description =
        "Train a small GPT on a text, character by character: by default on the Java source of the"
            + " running JDK.")
final class TrainCommand implements Callable<Integer> {
  private static final String METRICS = "metrics.csv";
  private static final String PLOT = "loss.png";
  private static final String MODEL = "model.safetensors";

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description = "Where checkpoints, metrics.csv and loss.png go (default: runs/1, runs/2, …).")
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

  @Spec private CommandSpec spec;

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
                  "warning: this run began on %s and goes on on %s: the last digits may differ%n",
                  before.device(), device);
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

  private Path newFolder() throws IOException {
    if (out == null) {
      int number = 1;
      while (Files.exists(Path.of("runs", Integer.toString(number)))) {
        number++;
      }
      return Files.createDirectories(Path.of("runs", Integer.toString(number)));
    }
    if (Files.exists(out.resolve("LATEST"))) {
      throw new CommandException(
          out
              + ": holds a run already; continue it with --resume "
              + out
              + ", or name another --out");
    }
    return Files.createDirectories(out);
  }

  /** The run's own settings; of all options only the place of the data may be given anew. */
  private TrainSettings resumedSettings(TrainSettings before) {
    List<String> own =
        CommandSpec.forAnnotatedObject(before).options().stream()
            .map(OptionSpec::longestName)
            .toList();
    for (OptionSpec given : spec.commandLine().getParseResult().matchedOptions()) {
      String name = given.longestName();
      if (name.equals("--out") || own.contains(name) && !name.equals("--data")) {
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
    CharTokenizer tokenizer = CharTokenizer.of(corpus.training() + corpus.validation());
    RunInfo info =
        new RunInfo(
            settings, tokenizer.vocabulary(), corpus.source(), corpus.hash(), device.toString());
    if (checkpoint != null) {
      requireSameText(RunInfo.fromJson(checkpoint.train()), info);
    }

    Adjoint.manualSeed(settings.seed);
    try (Gpt2 model = settings.model(tokenizer.size());
        Optimizer optimizer = settings.optimizer(model);
        Generator training = new Generator(device, settings.seed + 1);
        Generator validation = new Generator(device, settings.seed + 2);
        Trainer trainer =
            new Trainer(
                model,
                model::loss,
                optimizer,
                batches(tokenizer, corpus.training(), training),
                trainerConfig())) {
      trainer.validation(batches(tokenizer, corpus.validation(), validation));
      if (checkpoint != null) {
        model.loadStateDict(checkpoint.model());
        optimizer.loadStateDict(checkpoint.optimizer());
        trainer.restore(checkpoint.train());
      }
      print.printf(
          "%s: %,d characters to learn from, %,d to be judged by, %d different%n",
          corpus.source(),
          corpus.training().length(),
          corpus.validation().length(),
          tokenizer.size());
      print.printf(
          "GPT with %,d parameters on %s; steps %d to %d, into %s%n",
          model.numParameters(), device, trainer.step() + 1, lastStep(), folder);
      print.flush();

      boolean interrupted = run(folder, info, model, optimizer, trainer, print);
      if (interrupted) {
        return; // whoever asked is waiting
      }
      plot(folder, model, print);
      if (settings.sampleLength > 0) {
        print.println();
        Sampler.ofSeed(settings.seed)
            .write(model, tokenizer, firstPrompt(tokenizer), settings.sampleLength, print::print);
        print.println();
      }
    }
  }

  /** Runs to the last step, or until it is interrupted, and saves. */
  private boolean run(
      Path folder,
      RunInfo info,
      Gpt2 model,
      Optimizer optimizer,
      Trainer trainer,
      PrintWriter print)
      throws IOException {
    Checkpoints checkpoints = new Checkpoints(folder);
    Path csv = folder.resolve(METRICS);
    try (var signal = new StopOnSignal(trainer::stop);
        MetricsFile metrics =
            trainer.step() == 0
                ? MetricsFile.create(csv)
                : MetricsFile.resume(csv, trainer.step())) {
      long first = trainer.step();
      Runnable save =
          () -> {
            metrics.flush(); // before, so that no checkpoint is ahead of the metrics
            save(checkpoints, folder, info, model, optimizer, trainer);
          };
      try (ProgressDisplay progress = ProgressDisplay.of(print, first, settings.steps)) {
        trainer.listener(
            step -> {
              metrics.write(step);
              progress.show(step);
              if (!Double.isFinite(step.loss())) {
                throw new CommandException(
                    "the loss of step "
                        + step.step()
                        + " is "
                        + step.loss()
                        + ": a smaller --learning-rate or --clip may help");
              }
              if (settings.saveEvery > 0
                  && step.step() % settings.saveEvery == 0
                  && step.step() < lastStep()) {
                save.run();
              }
            });
        trainer.run(lastStep());
      }
      if (trainer.step() > first || !Files.exists(folder.resolve("LATEST"))) {
        save.run();
      }
      print.printf("saved step %d in %s%n", trainer.step(), folder);
      print.flush();
      return signal.received();
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }
}
