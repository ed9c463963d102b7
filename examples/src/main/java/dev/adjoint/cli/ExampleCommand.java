package dev.adjoint.cli;

import dev.adjoint.examples.Activations;
import dev.adjoint.examples.GradientDescent;
import dev.adjoint.examples.Spirals;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
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
  /** The programs, named as on the command line. */
  enum Example {
    GRADIENT_DESCENT,
    SPIRALS,
    ACTIVATIONS;

    @Override
    public String toString() {
      return name().toLowerCase(java.util.Locale.ROOT).replace('_', '-');
    }
  }

  @Parameters(paramLabel = "NAME", description = "${COMPLETION-CANDIDATES}.")
  private Example example = Example.GRADIENT_DESCENT;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      defaultValue = "runs/examples",
      description = "Where pictures go (default: ${DEFAULT-VALUE}).")
  private Path out = Path.of("");

  @Mixin private DeviceOptions device = new DeviceOptions();

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException {
    device.open();
    var print = spec.commandLine().getOut();
    switch (example) {
      case GRADIENT_DESCENT -> GradientDescent.run(print);
      case SPIRALS -> Spirals.run(print, Files.createDirectories(out));
      case ACTIVATIONS -> Activations.run(print, Files.createDirectories(out));
    }
    return 0;
  }
}
