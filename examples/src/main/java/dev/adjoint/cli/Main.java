package dev.adjoint.cli;

import dev.adjoint.TensorException;
import dev.adjoint.io.DurableFiles;
import dev.adjoint.spi.Messages;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileSystemException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Objects;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExecutionException;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.TypeConversionException;

/** The command line's entry. Exit codes: 0 success, 1 failure, 2 wrong usage. */
@Command(
    name = "adjoint",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    scope = ScopeType.INHERIT,
    subcommands = {
      TrainCommand.class,
      GenerateCommand.class,
      ExampleCommand.class,
      DoctorCommand.class
    },
    description = "Tensors and automatic differentiation for Java, on kernels of our own.")
public final class Main implements Runnable {
  private static final String FOOTER =
      """

      Examples:
        ./adjoint train                                learn Java from the JDK's own source
        ./adjoint train --data book.txt --out runs/b   learn from a text of yours
        ./adjoint train --resume runs/b                continue where that run stopped
        ./adjoint generate --from runs/b --prompt "public "
        ./adjoint example spirals
        ./adjoint doctor
        ./adjoint bench --quick                        measure this machine
      """;

  @Option(
      names = "--stacktrace",
      scope = ScopeType.INHERIT,
      description = "Print the whole stack trace of an error (also: ADJOINT_DEBUG=1).")
  private boolean stackTrace;

  private final CommandLine commandLine;

  private Main() {
    commandLine = new CommandLine(this);
    commandLine.getCommandSpec().usageMessage().footer(FOOTER.stripTrailing().split("\n"));
    commandLine.setUsageHelpAutoWidth(true);
    commandLine.setOverwrittenOptionsAllowed(true); // the last one counts
    commandLine.setCaseInsensitiveEnumValuesAllowed(true);
    commandLine.setExpandAtFiles(false); // an argument is what it says, not a file of more
    commandLine.registerConverter(Path.class, Main::path);
    commandLine.setExecutionStrategy(Main::runLast);
    commandLine.setExecutionExceptionHandler(this::report);
    commandLine.setParameterExceptionHandler(Main::reportUsage);
    CommandLine example = Objects.requireNonNull(commandLine.getSubcommands().get("example"));
    ExampleCommand.list(example.getCommandSpec());
  }

  /** Runs a command and ends the JVM with its exit code. */
  public static void main(String[] args) {
    // Ends the JVM at once, whichever threads a library may have left behind.
    System.exit(commandLine().execute(args));
  }

  static CommandLine commandLine() {
    return new Main().commandLine;
  }

  /** Without a command: the help. */
  @Override
  public void run() {
    commandLine.usage(commandLine.getOut());
  }

  /** An empty path would be the current folder: whoever gives one has an empty variable. */
  private static Path path(String text) {
    if (text.isEmpty()) {
      throw new TypeConversionException("a path must not be empty");
    }
    try {
      return Path.of(text);
    } catch (InvalidPathException e) {
      throw new TypeConversionException(invalidPath(e));
    }
  }

  /** picocli's handler of exceptions gets no errors, such as a full heap; so they are wrapped. */
  private static int runLast(ParseResult parsed) {
    try {
      return new CommandLine.RunLast().execute(parsed);
    } catch (Error e) {
      throw new ExecutionException(parsed.commandSpec().commandLine(), e.toString(), e);
    }
  }

  private int report(Exception e, CommandLine command, ParseResult parsed) {
    Throwable failure = e instanceof ExecutionException && e.getCause() != null ? e.getCause() : e;
    command.getErr().println("adjoint: " + Messages.oneLine(message(failure)));
    if (stackTrace || System.getenv("ADJOINT_DEBUG") != null) {
      failure.printStackTrace(command.getErr());
    }
    return CommandLine.ExitCode.SOFTWARE;
  }

  /** One line instead of the whole help. */
  private static int reportUsage(ParameterException e, String[] arguments) {
    CommandLine command = e.getCommandLine();
    String name = command.getCommandSpec().qualifiedName();
    String message = Messages.oneLine(String.valueOf(e.getMessage()));
    command.getErr().println("adjoint: " + message + " (see '" + name + " --help')");
    return CommandLine.ExitCode.USAGE;
  }

  static String message(Throwable failure) {
    return switch (failure) {
      case CommandException known -> String.valueOf(known.getMessage());
      case TensorException known -> String.valueOf(known.getMessage());
      case UncheckedIOException io when io.getCause() != null -> fileMessage(io.getCause());
      case IOException io -> fileMessage(io);
      case InvalidPathException path -> invalidPath(path);
      case OutOfMemoryError full -> heapMessage(full);
      default -> "internal error: " + failure + " (--stacktrace shows where)";
    };
  }

  private static String heapMessage(OutOfMemoryError full) {
    return "memory: "
        + full.getMessage()
        + "; Java has a heap of "
        + (Runtime.getRuntime().maxMemory() >> 20)
        + " MB: less text or a smaller --batch needs less, ADJOINT_JAVA_OPTS=-Xmx8g allows more";
  }

  private static String invalidPath(InvalidPathException e) {
    return "'"
        + e.getInput()
        + "' cannot be the name of a file: "
        + e.getReason()
        + " (file names are in "
        + System.getProperty("sun.jnu.encoding")
        + " here; LC_ALL=C.UTF-8 allows all letters)";
  }

  /** What went wrong with a file; these exceptions' own messages are hardly more than its name. */
  static String fileMessage(IOException e) {
    String reason = DurableFiles.reason(e);
    return e instanceof FileSystemException known && known.getFile() != null
        ? known.getFile() + ": " + reason
        : reason;
  }
}
