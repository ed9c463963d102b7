package dev.adjoint.cli;

import dev.adjoint.Device;
import dev.adjoint.Scope;
import dev.adjoint.io.Checkpoints;
import dev.adjoint.io.Checkpoints.Checkpoint;
import dev.adjoint.io.DurableFiles;
import dev.adjoint.spi.Messages;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
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
          "Where checkpoints, metrics.csv, loss.png and model.safetensors go: a folder without any"
              + " of these (default: runs/1, or the next number that is free).")
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
        begin(device, print);
      } else {
        goOn(resume, device, print);
      }
    }
    return 0;
  }

  private void begin(Device device, PrintWriter print) throws IOException {
    settings.check(spec.commandLine());
    Corpus corpus = corpus(); // before a folder is made
    Path folder = newFolder();
    if (!Files.exists(folder.resolve(Checkpoints.LOCK))) {
      requireUnused(folder); // a folder of others is to get no lock
    }
    try (Checkpoints checkpoints = new Checkpoints(folder)) {
      checkpoints.claim(); // a run that is going on has the better reason against this one
      requireUnused(folder);
      train(corpus, device, folder, checkpoints, null, print);
    }
  }

  private void goOn(Path folder, Device device, PrintWriter print) throws IOException {
    requireRun(folder);
    try (Checkpoints checkpoints = new Checkpoints(folder)) {
      checkpoints.claim(); // before reading, so that nobody goes beyond what is read
      Checkpoint checkpoint = latest(checkpoints, folder, device);
      RunInfo before = RunInfo.fromJson(checkpoint.train());
      settings = resumedSettings(before.settings());
      if (!before.device().equals(device.toString())) {
        spec.commandLine()
            .getErr()
            .printf(
                Locale.ROOT,
                "warning: this run began on %s and goes on on %s: the last digits may differ%n",
                Messages.quoted(before.device()),
                device);
      }
      train(corpus(), device, folder, checkpoints, checkpoint, print);
    }
  }

  /** The latest checkpoint in a folder; its tensors are born in the current scope. */
  static Checkpoint latest(Path folder, Device device) {
    requireRun(folder);
    try (Checkpoints checkpoints = new Checkpoints(folder)) {
      return latest(checkpoints, folder, device);
    }
  }

  private static Checkpoint latest(Checkpoints checkpoints, Path folder, Device device) {
    return checkpoints.latest(device).orElseThrow(() -> noCheckpoint(folder));
  }

  private static void requireRun(Path folder) {
    if (!Files.isDirectory(folder)) {
      throw new CommandException(folder + ": no such folder");
    }
    try (Checkpoints checkpoints = new Checkpoints(folder)) {
      if (checkpoints.isEmpty()) {
        throw noCheckpoint(folder);
      }
    }
  }

  private static CommandException noCheckpoint(Path folder) {
    return new CommandException(folder + ": there is no checkpoint in it");
  }

  /** The folder that was named, or a new one: whoever creates it has its number. */
  private Path newFolder() {
    if (out != null) {
      return out;
    }
    Path runs = Path.of("runs");
    try {
      Files.createDirectories(runs);
      for (int number = 1; ; number++) {
        try {
          return Files.createDirectory(runs.resolve(Integer.toString(number)));
        } catch (FileAlreadyExistsException e) {
          // the next one
        }
      }
    } catch (IOException e) {
      throw DurableFiles.failed("train", "make a folder in", runs, e);
    }
  }

  /** Refuses a folder with anything in it that the run would write over. */
  private static void requireUnused(Path folder) {
    try (Checkpoints checkpoints = new Checkpoints(folder)) {
      if (Files.isDirectory(folder) && !checkpoints.isEmpty()) {
        throw new CommandException(
            folder
                + ": holds a run already; continue it with --resume "
                + folder
                + ", or name another --out");
      }
    }
    for (String name : TrainingRun.TRACES) {
      if (Files.exists(folder.resolve(name), LinkOption.NOFOLLOW_LINKS)) {
        throw new CommandException(
            folder
                + ": holds a file "
                + name
                + ", which the run would write over; move it away, or name another --out");
      }
    }
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

  private Corpus corpus() throws IOException {
    Corpus corpus = settings.data == null ? Corpus.ofJdk() : Corpus.of(settings.data);
    corpus.requireWindows(settings.context);
    return corpus;
  }

  private void train(
      Corpus corpus,
      Device device,
      Path folder,
      Checkpoints checkpoints,
      @Nullable Checkpoint checkpoint,
      PrintWriter print)
      throws IOException {
    try (TrainingRun run = new TrainingRun(settings, corpus, device, folder, checkpoints)) {
      if (checkpoint != null) {
        run.restore(checkpoint);
      }
      run.describe(print);
      run.train(stopAt == null ? settings.steps : Math.min(stopAt, settings.steps), print);
    }
  }
}
