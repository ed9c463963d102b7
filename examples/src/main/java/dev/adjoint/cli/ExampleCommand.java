package dev.adjoint.cli;

import dev.adjoint.examples.Activations;
import dev.adjoint.examples.GradientDescent;
import dev.adjoint.examples.Spirals;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
    name = "example",
    description = "Run a small program and print or draw what it finds.",
    footer = {
      "",
      "  gradient-descent   one weight, ten steps, every number printed",
      "  spirals            a network learns to tell two spirals apart, and draws how",
      "  activations        ReLU, GELU, SiLU, sigmoid and their derivatives"
    })
final class ExampleCommand implements Callable<Integer> {
  @Parameters(paramLabel = "NAME", description = "One of those below.")
  private String name = "";

  @Option(
      names = "--out",
      paramLabel = "DIR",
      defaultValue = "runs/examples",
      description = "Where pictures go (default: ${DEFAULT-VALUE}).")
  private Path out = Path.of("");

  @Mixin private DeviceOptions device = new DeviceOptions();

  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public Integer call() throws IOException {
    device.open();
    PrintWriter print = spec.commandLine().getOut();
    switch (name) {
      case "gradient-descent" -> GradientDescent.run(print);
      case "spirals" -> Spirals.run(print, Files.createDirectories(out));
      case "activations" -> Activations.run(print, Files.createDirectories(out));
      default ->
          throw new ParameterException(spec.commandLine(), "there is no example '" + name + "'");
    }
    return 0;
  }
}
