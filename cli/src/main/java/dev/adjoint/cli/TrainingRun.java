package dev.adjoint.cli;

import dev.adjoint.Adjoint;
import dev.adjoint.Device;
import dev.adjoint.Generator;
import dev.adjoint.Scope;
import dev.adjoint.TensorException;
import dev.adjoint.data.CharTokenizer;
import dev.adjoint.data.TextBatches;
import dev.adjoint.io.Checkpoints;
import dev.adjoint.io.Checkpoints.Checkpoint;
import dev.adjoint.io.DurableFiles;
import dev.adjoint.spi.Messages;
import dev.adjoint.nn.models.Gpt2;
import dev.adjoint.optim.Optimizer;
import dev.adjoint.plot.Drawing;
import dev.adjoint.train.Trainer;
import dev.adjoint.train.Trainer.Progress;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A model, what it learns from, and the folder where the run leaves its traces. */
final class TrainingRun implements AutoCloseable {
  /** What a run leaves in its folder beside its checkpoints. */
  static final List<String> TRACES = List.of("metrics.csv", "loss.png", "model.safetensors");

  private static final String METRICS = "metrics.csv";
  private static final String PLOT = "loss.png";
  private static final String MODEL = "model.safetensors";

  private final TrainSettings settings;
  private final Corpus corpus;
  private final Path folder;
  private final CharTokenizer tokenizer;
  private final RunInfo info;
  private final Checkpoints checkpoints;
  private final Gpt2 model;
  private final Optimizer optimizer;
  private final Generator trainingWindows;
  private final Generator validationWindows;
  private final Trainer trainer;

  /**
   * A run at its beginning.
   *
   * @param checkpoints of the folder, which they have claimed
   */
  TrainingRun(
      TrainSettings settings, Corpus corpus, Device device, Path folder, Checkpoints checkpoints) {
    this.settings = settings;
    this.corpus = corpus;
    this.folder = folder;
    tokenizer = CharTokenizer.of(corpus.training() + corpus.validation());
    info =
        new RunInfo(
            settings, tokenizer.vocabulary(), corpus.source(), corpus.hash(), device.toString());
    this.checkpoints = checkpoints;
    Adjoint.manualSeed(settings.seed);
    model = settings.model(tokenizer.size());
    optimizer = settings.optimizer(model);
    // Streams of their own: validating more often does not change what is learned.
    trainingWindows = new Generator(device, settings.seed + 1);
    validationWindows = new Generator(device, settings.seed + 2);
    trainer =
        new Trainer(
            model,
            model::loss,
            optimizer,
            windows(corpus.training(), trainingWindows),
            settings.trainer());
    trainer.validation(windows(corpus.validation(), validationWindows));
  }

  private TextBatches windows(String text, Generator generator) {
    return new TextBatches(tokenizer.encode(text), settings.batch, settings.context, generator);
  }

  /** Goes on from a checkpoint of the same text. */
  void restore(Checkpoint checkpoint) {
    RunInfo before = RunInfo.fromJson(checkpoint.train());
    if (!before.hash().equals(info.hash())) {
      throw new CommandException(
          "the text is not the one that the run began with: that was "
              + Messages.quoted(before.source())
              + ", this is "
              + Messages.quoted(info.source())
              + (before.source().equals(info.source()) ? ", which has changed" : ""));
    }
    model.loadStateDict(checkpoint.model());
    optimizer.loadStateDict(checkpoint.optimizer());
    trainer.restore(checkpoint.train());
  }

  /** Prints what is going to happen. */
  void describe(PrintWriter print) {
    print.printf(
        Locale.ROOT,
        "text: %s; %,d characters to learn from, %,d to be judged by, %d different ones%n",
        corpus.source(),
        corpus.training().length(),
        corpus.validation().length(),
        tokenizer.size());
    print.printf(
        Locale.ROOT, "model: %,d parameters on %s%n", model.numParameters(), info.device());
    print.printf(Locale.ROOT, "folder: %s%n%n", folder);
  }

  /** Trains to a step or until the user interrupts, saves, draws, and lets the model write. */
  void train(long lastStep, PrintWriter print) throws IOException {
    Path csv = folder.resolve(METRICS);
    long firstStep = trainer.step();
    boolean interrupted;
    try (StopOnSignal signal = new StopOnSignal(trainer::stop);
        MetricsFile metrics =
            firstStep == 0 ? MetricsFile.create(csv) : MetricsFile.resume(csv, firstStep)) {
      try (ProgressDisplay display = ProgressDisplay.of(print, firstStep, settings.steps)) {
        trainer.listener(
            step -> {
              metrics.write(step);
              display.show(step);
              if (isSaveDue(step.step()) && step.step() < lastStep) {
                save(metrics);
              }
            });
        trainer.run(lastStep);
      }
      if (trainer.step() > firstStep) {
        Path saved = save(metrics);
        publish(saved.resolve(MODEL));
        print.println("saved: " + saved);
      } else {
        print.println("nothing to do: step " + firstStep + " has been made");
      }
      interrupted = signal.received();
    }
    if (!interrupted) {
      plot(csv, print);
      write(print);
    }
  }

  private boolean isSaveDue(long step) {
    return settings.saveEvery > 0 && step % settings.saveEvery == 0;
  }

  private Path save(MetricsFile metrics) {
    metrics.flush(); // first, so that no checkpoint is ahead of the metrics
    try (var _ = Scope.open()) {
      Map<String, @Nullable Object> json = new LinkedHashMap<>(trainer.state());
      json.putAll(info.toJson());
      return checkpoints.save(
          new Checkpoint(trainer.step(), model.stateDict(), optimizer.stateDict(), json));
    }
  }

  /** The finished model where it is easily found; checkpoints come and go. */
  private void publish(Path saved) {
    DurableFiles.replace(
        "train",
        folder.resolve(MODEL),
        channel -> Files.copy(saved, Channels.newOutputStream(channel)));
  }

  private void plot(Path csv, PrintWriter print) throws IOException {
    String whyNot = Drawing.whyNot();
    List<Progress> steps = List.of();
    if (whyNot == null) {
      try {
        steps = MetricsFile.read(csv);
        whyNot = steps.isEmpty() ? csv + ": there is no step in it" : null;
      } catch (CommandException | TensorException e) {
        whyNot = e.getMessage(); // all else of the run is saved
      }
    }
    if (whyNot == null) {
      Path picture = folder.resolve(PLOT);
      LossPlot.draw(steps, picture);
      print.println("picture: " + picture);
    } else {
      print.println("no picture: " + whyNot);
    }
  }

  private void write(PrintWriter print) {
    if (settings.sampleLength == 0) {
      return;
    }
    print.println("\nthe model writes:\n");
    print.print(corpus.opening());
    try (var _ = settings.precision().use()) {
      Sampler.ofSeed(settings.seed)
          .write(model, tokenizer, corpus.opening(), settings.sampleLength, print::print);
    }
    print.println();
  }

  @Override
  public void close() {
    trainer.close();
    trainingWindows.close();
    validationWindows.close();
    optimizer.close();
    model.close();
  }
}
