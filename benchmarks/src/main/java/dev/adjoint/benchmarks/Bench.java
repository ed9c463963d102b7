package dev.adjoint.benchmarks;

import dev.adjoint.TensorException;
import dev.adjoint.benchmarks.PeerProvider.Setting;
import dev.adjoint.benchmarks.WorkerProcess.Backend;
import dev.adjoint.benchmarks.WorkerProcess.FailedException;
import dev.adjoint.spi.Messages;
import dev.adjoint.tck.CommandLines;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** The command {@code ./adjoint bench}. Exit codes: 0 success, 1 failure, 2 wrong usage. */
@Command(
    name = "adjoint bench",
    mixinStandardHelpOptions = true,
    description = {
      "Measures our backends and other libraries side by side.",
      "",
      "Each backend runs in a process of its own; they take turns at every case. Shown are medians,"
          + " how near they come to what the machine can do (measured in the same run), and how many"
          + " times as long each peer takes.",
      "",
      "Whatever else runs on the machine meanwhile spoils the figures."
    })
public final class Bench implements Callable<Integer> {
  private static final String ALL = "all";

  /** As many as the kernels' pool can have. */
  private static final int MOST_THREADS = 1024;

  @Spec
  @SuppressWarnings("NullAway.Init") // picocli sets it
  private CommandSpec spec;

  @Option(
      names = "--suite",
      split = ",",
      defaultValue = ALL,
      paramLabel = "NAME",
      description = "gemm, ops, train, overhead, memory, accuracy or all (the default).")
  private List<String> suites = List.of();

  @Option(
      names = "--backends",
      split = ",",
      defaultValue = "native-cpu",
      paramLabel = "NAME",
      description =
          "Our own: native-cpu (the default), reference, cuda; native-cpu:x86-64-v2 for another"
              + " variant, native-cpu:all for each. On cuda the cases are larger.")
  private List<String> backends = List.of();

  @Option(
      names = "--peers",
      split = ",",
      paramLabel = "NAME",
      description =
          "Other libraries: libtorch, onednn, openblas, and on the GPU pytorch, the python3's;"
              + " in all settings; libtorch:tuned for one.")
  private List<String> peers = List.of();

  @Option(
      names = "--threads",
      split = ",",
      paramLabel = "N",
      description = "Default: one for each processor; for gemm also 1.")
  private List<Integer> threads = List.of();

  @Option(
      names = "--filter",
      paramLabel = "REGEX",
      description = "Only cases in whose name this is found.")
  private @Nullable String filter;

  @Option(names = "--quick", description = "Fewer cases, fewer samples: a few minutes.")
  private boolean quick;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description = "Where results.json, report.md and index.html go.")
  private @Nullable Path out;

  @Option(names = "--json", paramLabel = "FILE", description = "Where the figures go as JSON.")
  private @Nullable Path json;

  private Bench() {}

  /** Runs it and ends the JVM with its exit code. */
  public static void main(String[] args) {
    CommandLine commandLine = commandLine();
    int exitCode;
    try {
      exitCode = commandLine.execute(args);
    } catch (Error e) { // such as a full heap; picocli reports exceptions alone
      exitCode = report(e, commandLine);
    }
    System.exit(exitCode);
  }

  static CommandLine commandLine() {
    CommandLine commandLine = new CommandLine(new Bench());
    commandLine.setUsageHelpAutoWidth(true);
    commandLine.setOverwrittenOptionsAllowed(true); // the last one counts
    commandLine.setExpandAtFiles(false); // an argument is what it says, not a file of more
    commandLine.registerConverter(
        Path.class, text -> CommandLines.path(text, TypeConversionException::new));
    commandLine.setExecutionExceptionHandler((e, command, _) -> report(e, command));
    commandLine.setParameterExceptionHandler(Bench::reportUsage);
    return commandLine;
  }

  private static int report(Throwable failure, CommandLine command) {
    CommandLines.report(command.getErr(), message(failure), failure, false);
    return CommandLine.ExitCode.SOFTWARE;
  }

  private static String message(Throwable failure) {
    return switch (failure) {
      case FailedException known -> String.valueOf(known.getMessage());
      case IllegalStateException known -> String.valueOf(known.getMessage());
      default -> CommandLines.message(failure);
    };
  }

  private static int reportUsage(ParameterException e, String[] arguments) {
    CommandLine command = e.getCommandLine();
    CommandLines.reportUsage(command.getErr(), e.getMessage(), "./adjoint bench");
    if (e instanceof NothingToMeasureException nothing) {
      command.getErr().println("there are: " + String.join(" ", nothing.names));
    }
    return CommandLine.ExitCode.USAGE;
  }

  /** Nothing is left by the options; the names are those that were there to choose from. */
  private static final class NothingToMeasureException extends ParameterException {
    private static final long serialVersionUID = 1;

    private final transient List<String> names;

    NothingToMeasureException(CommandLine command, String message, List<String> names) {
      super(command, message);
      this.names = names;
    }
  }

  /** A step of the run, with a name for the progress bar. */
  private record Step(String name, Body body) {}

  /** What a step does. */
  private interface Body {
    void run() throws FailedException;
  }

  @Override
  public Integer call() throws IOException, FailedException {
    PrintWriter print = spec.commandLine().getOut();
    Results results = new Results(Machine.here());
    Thread interrupted = new Thread(() -> interrupted(results), "interrupted");
    if (out != null) {
      Files.createDirectories(out);
    }
    Session.Effort effort = quick ? Session.Effort.QUICK : Session.Effort.FULL;
    Predicate<String> wanted = wanted();
    try (Session session = new Session(results, effort, wanted, () -> save(results))) {
      List<String> names = new ArrayList<>();
      List<Step> steps = steps(session, results, wanted, names);
      if (steps.isEmpty()) {
        throw new NothingToMeasureException(
            spec.commandLine(),
            "nothing to measure: no case is left by --filter, --peers and --backends",
            names.stream().distinct().toList());
      }
      Runtime.getRuntime().addShutdownHook(interrupted);
      try (Terminal terminal = new Terminal(print, steps.size())) {
        terminal.machine(results.machine());
        results.versions().forEach((peer, why) -> terminal.message(peer + ": " + why));
        for (Step step : steps) {
          terminal.begin(step.name());
          int before = results.rows().size();
          step.body().run();
          results.rows().stream().skip(before).forEach(terminal::row);
          terminal.step();
        }
      }
    }
    Runtime.getRuntime().removeShutdownHook(interrupted);
    report(results);
    return CommandLine.ExitCode.OK;
  }

  /** Ctrl-C: the figures are saved after each case already; what is made of them is not. */
  private void interrupted(Results results) {
    results.finish();
    try {
      report(results);
    } catch (TensorException e) {
      report(e, spec.commandLine());
    }
  }

  private void report(Results results) {
    if (out != null) {
      Results.save(out.resolve("report.md"), new MarkdownReport(results).text());
      Results.save(out.resolve("index.html"), new HtmlReport(results).text());
      spec.commandLine().getOut().println("Report: " + out.resolve("index.html"));
    }
  }

  private void save(Results results) {
    if (json != null) {
      Results.save(json, results.json());
    }
    if (out != null) {
      Results.save(out.resolve("results.json"), results.json());
    }
  }

  // ---- what is to be done ----

  /**
   * The steps of all suites.
   *
   * @param names gets the names of all cases there, wanted or not, as rows show them
   */
  private List<Step> steps(
      Session session, Results results, Predicate<String> wanted, List<String> names) {
    List<Step> steps = new ArrayList<>();
    for (String suite : suites.contains(ALL) ? Suites.NAMES : suites) {
      if (!Suites.NAMES.contains(suite)) {
        throw wrong(
            "--suite: no suite is called "
                + Messages.quoted(suite)
                + "; there are "
                + Suites.NAMES);
      }
      for (int count : threads(suite)) {
        List<Backend> all = backends(results, count);
        if (all.isEmpty()) {
          continue;
        }
        List<? extends Case> suiteCases = Suites.cases(suite, quick, count);
        suiteCases.forEach(c -> names.addAll(ids(c)));
        List<? extends Case> cases =
            suiteCases.stream().filter(c -> ids(c).stream().anyMatch(wanted)).toList();
        if (Limits.SUITES.contains(suite) && !cases.isEmpty()) {
          steps.addAll(ceilings(session, count, all));
        }
        for (Case c : cases) {
          steps.add(step(session, suite, c, all));
        }
        if (suite.equals("overhead")) {
          names.add(Session.START_UP);
          if (wanted.test(Session.START_UP)) {
            List<Backend> starting =
                all.stream().filter(backend -> backend.provider().startsWithJvm()).toList();
            steps.add(new Step("JVM starts", () -> session.startUp(starting)));
          }
        }
      }
    }
    return steps;
  }

  /** The names under which rows may show a case. */
  private static List<String> ids(Case c) {
    return Suites.variants(c, true).stream().map(Case::id).toList();
  }

  private static List<Step> ceilings(Session session, int threads, List<Backend> backends) {
    if (threads != PeerProvider.ON_GPU) {
      return List.of(new Step("ceilings", () -> session.limits(threads)));
    }
    return backends.stream()
        .filter(Backend::isOwn)
        .map(backend -> new Step("ceilings", () -> session.limits(backend)))
        .toList();
  }

  private static Step step(Session session, String suite, Case c, List<Backend> backends) {
    return new Step(
        c.id(),
        switch (suite) {
          case "memory" -> () -> session.memory(c, backends);
          case "accuracy" -> () -> session.accuracy(c, backends);
          default -> () -> session.time(suite, c, backends);
        });
  }

  private Predicate<String> wanted() {
    if (filter == null) {
      return _ -> true;
    }
    try {
      return Pattern.compile(filter).asPredicate();
    } catch (PatternSyntaxException e) {
      throw wrong("--filter: " + e.getMessage());
    }
  }

  /** Those of the processor, then {@link PeerProvider#ON_GPU}. */
  private List<Integer> threads(String suite) {
    List<Integer> counts = new ArrayList<>(threads);
    for (int count : counts) {
      if (count < 1 || count > MOST_THREADS) {
        throw wrong("--threads must be from 1 to " + MOST_THREADS + ", got " + count);
      }
    }
    if (counts.isEmpty()) {
      int processors = Runtime.getRuntime().availableProcessors();
      counts.add(processors);
      if (suite.equals("gemm") && processors > 1) {
        counts.add(1);
      }
    }
    counts.add(PeerProvider.ON_GPU);
    return counts;
  }

  /** Our own and the peers that compute on so many threads. */
  private List<Backend> backends(Results results, int count) {
    List<Backend> all = new ArrayList<>();
    for (String name : backends) {
      all.addAll(backends(results, name, count, false));
    }
    for (String name : peers) {
      all.addAll(backends(results, name, count, true));
    }
    return all;
  }

  /** A peer that cannot run here is left out, and the report says why; a backend of ours must. */
  private List<Backend> backends(Results results, String name, int count, boolean peer) {
    String[] parts = name.split(":", 2);
    PeerProvider provider;
    List<Setting> settings;
    try {
      provider = Worker.provider(parts[0]);
      if (provider.isGpu() != (count == PeerProvider.ON_GPU)) {
        return List.of();
      }
      settings = provider.settings(count);
    } catch (IllegalArgumentException e) {
      throw wrong(String.valueOf(e.getMessage()));
    } catch (IllegalStateException e) {
      if (!peer) {
        throw e;
      }
      results.version(parts[0], "not available: " + e.getMessage());
      return List.of();
    }
    List<Setting> chosen;
    if (parts.length == 1) {
      chosen = peer ? settings : settings.subList(0, 1);
    } else if (parts[1].equals(ALL)) {
      chosen = settings;
    } else {
      chosen = settings.stream().filter(setting -> setting.name().equals(parts[1])).toList();
    }
    if (chosen.isEmpty()) {
      String all = String.join(", ", settings.stream().map(Setting::name).toList());
      throw wrong(parts[0] + " has no setting " + Messages.quoted(parts[1]) + ", only " + all);
    }
    return chosen.stream().map(setting -> new Backend(provider, setting, count)).toList();
  }

  private ParameterException wrong(String message) {
    return new ParameterException(spec.commandLine(), message);
  }
}
