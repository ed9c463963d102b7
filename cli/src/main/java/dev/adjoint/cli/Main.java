package dev.adjoint.cli;

import dev.adjoint.tck.CommandLines;
import java.nio.file.Path;
import java.util.Objects;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
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
    commandLine.registerConverter(
        Path.class, text -> CommandLines.path(text, TypeConversionException::new));
    commandLine.setExecutionExceptionHandler((e, _, _) -> report(e));
    commandLine.setParameterExceptionHandler(Main::reportUsage);
    CommandLine example = Objects.requireNonNull(commandLine.getSubcommands().get("example"));
    ExampleCommand.list(example.getCommandSpec());
  }

  /** Runs a command and ends the JVM with its exit code. */
  public static void main(String[] args) {
    Main main = new Main();
    int exitCode;
    try {
      exitCode = main.commandLine.execute(args);
    } catch (Error e) { // such as a full heap; picocli reports exceptions alone
      exitCode = main.report(e);
    }
    // Ends the JVM at once, whichever threads a library may have left behind.
    System.exit(exitCode);
  }

  static CommandLine commandLine() {
    return new Main().commandLine;
  }

  /** Without a command: the help. */
  @Override
  public void run() {
    commandLine.usage(commandLine.getOut());
  }

  private int report(Throwable failure) {
    CommandLines.report(commandLine.getErr(), message(failure), failure, stackTrace);
    return CommandLine.ExitCode.SOFTWARE;
  }

  private static int reportUsage(ParameterException e, String[] arguments) {
    CommandLine command = e.getCommandLine();
    CommandLines.reportUsage(
        command.getErr(), e.getMessage(), command.getCommandSpec().qualifiedName());
    return CommandLine.ExitCode.USAGE;
  }

  static String message(Throwable failure) {
    return switch (failure) {
      case CommandException known -> String.valueOf(known.getMessage());
      case OutOfMemoryError full -> CommandLines.message(full) + "; less text needs less";
      default -> CommandLines.message(failure);
    };
  }
}
