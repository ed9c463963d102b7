package dev.adjoint.cli;

import dev.adjoint.TensorException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.ScopeType;

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
    commandLine.setExecutionExceptionHandler(this::report);
    commandLine.setParameterExceptionHandler(Main::reportUsage);
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

  private int report(Exception e, CommandLine command, ParseResult parsed) {
    command.getErr().println("adjoint: " + message(e));
    if (stackTrace || System.getenv("ADJOINT_DEBUG") != null) {
      e.printStackTrace(command.getErr());
    }
    return CommandLine.ExitCode.SOFTWARE;
  }

  /** One line instead of the whole help. */
  private static int reportUsage(ParameterException e, String[] arguments) {
    CommandLine command = e.getCommandLine();
    String name = command.getCommandSpec().qualifiedName();
    command.getErr().println("adjoint: " + e.getMessage() + " (see '" + name + " --help')");
    return CommandLine.ExitCode.USAGE;
  }

  private static String message(Exception e) {
    return switch (e) {
      case CommandException known -> String.valueOf(known.getMessage());
      case TensorException known -> String.valueOf(known.getMessage());
      case UncheckedIOException io when io.getCause() != null -> fileMessage(io.getCause());
      case IOException io -> fileMessage(io);
      default -> "internal error: " + e + " (--stacktrace shows where)";
    };
  }

  /** What went wrong with a file; these exceptions' own messages are only its name. */
  static String fileMessage(IOException e) {
    return switch (e) {
      case NoSuchFileException missing -> missing.getFile() + ": no such file or folder";
      case AccessDeniedException denied -> denied.getFile() + ": permission denied";
      default -> e.getMessage() == null ? e.toString() : e.getMessage();
    };
  }
}
