package dev.adjoint.cli;

import dev.adjoint.examples.Activations;
import dev.adjoint.examples.GradientDescent;
import dev.adjoint.examples.Spirals;
import dev.adjoint.spi.Messages;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(name = "example", description = "Run a small program and print or draw what it finds.")
final class ExampleCommand implements Callable<Integer> {
  private static final List<Example> EXAMPLES =
      List.of(
          new Example(
              "gradient-descent",
              "one weight, ten steps, every number printed",
              (print, _) -> GradientDescent.run(print)),
          new Example(
              "spirals",
              "a network learns to tell two spirals apart, and draws how",
              (print, out) -> Spirals.run(print, Files.createDirectories(out))),
          new Example(
              "activations",
              "ReLU, GELU, SiLU, sigmoid and their derivatives",
              (print, out) -> Activations.run(print, Files.createDirectories(out))));

  private record Example(String name, String what, Body body) {}

  private interface Body {
    void run(PrintWriter print, Path out) throws IOException;
  }

  @Parameters(
      paramLabel = "NAME",
      arity = "0..1",
      description = "One of those below; without it, they are listed.")
  private String name = "";

  @Option(
      names = "--out",
      paramLabel = "DIR",
      defaultValue = "runs/examples",
      description = "Where pictures go (default: ${DEFAULT-VALUE}).")
  private Path out = Path.of("");

  @Mixin private DeviceOptions device = new DeviceOptions();

  @Spec private CommandSpec spec = CommandSpec.create();

  /** Shows the examples below the command's help. */
  static void list(CommandSpec command) {
    command.usageMessage().footer(Stream.concat(Stream.of(""), lines()).toArray(String[]::new));
  }

  private static Stream<String> lines() {
    return EXAMPLES.stream()
        .map(example -> String.format(Locale.ROOT, "  %-18s %s", example.name, example.what));
  }

  @Override
  public Integer call() throws IOException {
    PrintWriter print = spec.commandLine().getOut();
    if (name.isEmpty()) {
      lines().forEach(print::println);
      return 0;
    }
    Example chosen =
        EXAMPLES.stream()
            .filter(example -> example.name.equals(name))
            .findFirst()
            .orElseThrow(
                () ->
                    new ParameterException(
                        spec.commandLine(),
                        "there is no example "
                            + Messages.quoted(name)
                            + ", only "
                            + String.join(", ", EXAMPLES.stream().map(Example::name).toList())));
    device.open();
    chosen.body.run(print, out);
    return 0;
  }
}
