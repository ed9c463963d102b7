package dev.adjoint.cli;

import picocli.CommandLine.Command;

@Command(name = "generate", description = "x")
final class GenerateCommand implements Runnable {
  public void run() {}
}
