package dev.adjoint.cli;
import picocli.CommandLine.Command;
@Command(name = "train", description="x")
final class TrainCommand implements Runnable { public void run() {} }
