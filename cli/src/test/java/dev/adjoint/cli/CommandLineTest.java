package dev.adjoint.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.io.Checkpoints;
import dev.adjoint.tck.ForkedJvm;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Locale;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** Whole commands, with sizes that take no time. */
class CommandLineTest {
  /** Not there, whether the machine has a GPU or not. */
  private static final String NO_GPU = "cuda:99";

  private static final String TEXT = "the quick brown fox jumps over the lazy dog.\n".repeat(40);

  @TempDir private Path folder = Path.of("");
  private Path data = Path.of("");

  private record Outcome(int exitCode, String out, String err) {}

  @BeforeEach
  void writeText() throws IOException {
    data = Files.writeString(folder.resolve("text.txt"), TEXT);
  }

  private static Outcome run(String... arguments) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    CommandLine command = Main.commandLine();
    command.setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true));
    int exitCode = command.execute(arguments);
    return new Outcome(exitCode, out.toString(), err.toString());
  }

  private Outcome train(Path out, String... more) {
    List<String> arguments = new ArrayList<>(List.of("train", "--data", data.toString()));
    arguments.addAll(List.of("--out", out.toString(), "--steps", "20", "--layers", "1"));
    arguments.addAll(List.of("--heads", "2", "--channels", "8", "--context", "8"));
    arguments.addAll(List.of("--batch", "2", "--eval-every", "7", "--eval-batches", "2"));
    arguments.addAll(List.of("--save-every", "5", "--dropout", "0.1", "--sample-length", "20"));
    arguments.addAll(List.of(more));
    return run(arguments.toArray(String[]::new));
  }

  private static void assertFailed(int exitCode, String message, Outcome outcome) {
    assertEquals(exitCode, outcome.exitCode(), outcome.err());
    assertTrue(outcome.err().contains(message), outcome.err());
    assertEquals(1, outcome.err().lines().count(), outcome.err());
  }

  // ---- train ----

  @Test
  void trainingLeavesItsTraces() throws IOException {
    Path out = folder.resolve("run");
    Outcome outcome = train(out);
    assertEquals(0, outcome.exitCode(), outcome.err());
    assertTrue(outcome.out().contains("step 20/20"), outcome.out());
    assertTrue(outcome.out().contains("the model writes"), outcome.out());
    assertEquals(21, Files.readAllLines(out.resolve("metrics.csv")).size());
    assertTrue(Files.size(out.resolve("loss.png")) > 1000);
    assertEquals("step-000020\n", Files.readString(out.resolve("LATEST")));
    assertTrue(Files.exists(out.resolve("step-000015")));
    assertFalse(Files.exists(out.resolve("step-000010")));
    assertArrayEquals(
        Files.readAllBytes(out.resolve("step-000020/model.safetensors")),
        Files.readAllBytes(out.resolve("model.safetensors")));
  }

  @Test
  void resumingIsExact() throws IOException {
    Path whole = folder.resolve("whole");
    Path parts = folder.resolve("parts");
    assertEquals(0, train(whole).exitCode());
    assertEquals(0, train(parts, "--stop-at", "11", "--captured", "false").exitCode());
    assertEquals(0, run("train", "--resume", parts.toString()).exitCode());
    for (String file : List.of("model.safetensors", "optimizer.safetensors")) {
      assertArrayEquals(
          Files.readAllBytes(whole.resolve("step-000020").resolve(file)),
          Files.readAllBytes(parts.resolve("step-000020").resolve(file)),
          file);
    }
    assertEquals(withoutSpeed(whole), withoutSpeed(parts));
  }

  @Test
  void theRunKeepsItsPrecision() throws IOException {
    Path plain = folder.resolve("plain");
    Path whole = folder.resolve("whole");
    Path parts = folder.resolve("parts");
    train(plain);
    assertEquals(0, train(whole, "--precision", "bf16").exitCode());
    assertEquals(0, train(parts, "--precision", "BF16", "--stop-at", "11").exitCode());
    assertEquals(0, run("train", "--resume", parts.toString()).exitCode());
    assertEquals(withoutSpeed(whole), withoutSpeed(parts));
    assertNotEquals(withoutSpeed(plain), withoutSpeed(whole));
    assertFailed(2, "--precision", train(folder.resolve("x"), "--precision", "f16"));
  }

  @Test
  void activationsOfBf16BelongToTheRunToo() throws IOException {
    Path products = folder.resolve("products");
    Path whole = folder.resolve("whole");
    Path parts = folder.resolve("parts");
    train(products, "--precision", "bf16");
    Outcome outcome = train(whole, "--activations", "bf16");
    assertEquals(0, outcome.exitCode(), outcome.err());
    assertTrue(outcome.out().contains("the model writes"), outcome.out());
    train(parts, "--activations", "bf16", "--precision", "bf16", "--stop-at", "11");
    assertEquals(0, run("train", "--resume", parts.toString()).exitCode());
    assertEquals(withoutSpeed(whole), withoutSpeed(parts));
    assertNotEquals(withoutSpeed(products), withoutSpeed(whole));
    assertFalse(generate(whole.toString()).isBlank());
    Path none = folder.resolve("none");
    assertFailed(
        2, "needs --precision BF16", train(none, "--activations", "bf16", "--precision", "f32"));
    assertFailed(2, "F32 or BF16, got F16", train(none, "--activations", "f16"));
  }

  @Test
  void resumingLeavesTheSameTrainJson() throws IOException {
    Path whole = folder.resolve("whole");
    Path parts = folder.resolve("parts");
    train(whole);
    train(parts, "--stop-at", "10");
    run("train", "--resume", parts.toString());
    String json = "step-000020/train.json";
    assertEquals(Files.readString(whole.resolve(json)), Files.readString(parts.resolve(json)));
  }

  private static List<String> withoutSpeed(Path run) throws IOException {
    return Files.readAllLines(run.resolve("metrics.csv")).stream()
        .map(line -> line.substring(0, line.lastIndexOf(',')))
        .toList();
  }

  @Test
  void aRunIsNotOverwritten() {
    Path out = folder.resolve("run");
    train(out, "--stop-at", "1");
    assertFailed(1, "holds a run already", train(out));
  }

  /** What a run would write over, whoever made it. */
  @ParameterizedTest
  @ValueSource(strings = {"metrics.csv", "loss.png", "model.safetensors"})
  void filesOfOthersAreNotOverwritten(String name) throws IOException {
    Path out = Files.createDirectory(folder.resolve("run"));
    Path own = Files.writeString(out.resolve(name), "own");
    assertFailed(1, "holds a file " + name, train(out));
    assertEquals("own", Files.readString(own));
    try (var files = Files.list(out)) {
      assertEquals(List.of(own), files.toList());
    }
  }

  @Test
  void aFolderHasOneRunAtATime() throws IOException {
    Path out = folder.resolve("run");
    train(out, "--stop-at", "5");
    String process = "another run writes there (process " + ProcessHandle.current().pid();
    try (Checkpoints other = new Checkpoints(out)) {
      other.claim();
      assertFailed(1, process, run("train", "--resume", out.toString()));
      assertFalse(generate(out.toString()).isBlank());
    }
    Path fresh = folder.resolve("fresh");
    try (Checkpoints other = new Checkpoints(fresh)) {
      other.claim();
      assertFailed(1, process, train(fresh));
    }
    assertEquals(0, run("train", "--resume", out.toString()).exitCode());
    assertEquals(0, train(fresh, "--stop-at", "1").exitCode());
  }

  /** Runs of several processes that begin at once, in folders that they choose. */
  @Test
  void runsThatBeginTogetherHaveFoldersOfTheirOwn() throws IOException, InterruptedException {
    List<Process> processes = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      processes.add(fork(SMALL_RUN, List.of()));
    }
    for (Process process : processes) {
      output(process);
    }
    for (String number : List.of("1", "2", "3")) {
      Path run = folder.resolve("runs").resolve(number);
      assertEquals("step-000004\n", Files.readString(run.resolve("LATEST")));
      assertEquals(5, Files.readAllLines(run.resolve("metrics.csv")).size());
    }
  }

  /** JSON has no infinity, options do. */
  @Test
  void whateverIsAcceptedCanBeSaved() {
    Path out = folder.resolve("run");
    assertEquals(0, train(out, "--clip", "Infinity", "--stop-at", "5").exitCode());
    Outcome resumed = run("train", "--resume", out.toString());
    assertEquals(0, resumed.exitCode(), resumed.err());
    for (String option : List.of("--learning-rate", "--weight-decay", "--eps")) {
      assertFailed(2, "must be finite", train(folder.resolve("x"), option, "Infinity"));
    }
  }

  @Test
  void anEmptiedMetricsFileCostsOnlyThePicture() throws IOException {
    Path out = folder.resolve("run");
    train(out);
    Files.writeString(out.resolve("metrics.csv"), "");
    Outcome outcome = run("train", "--resume", out.toString());
    assertEquals(0, outcome.exitCode(), outcome.err());
    assertTrue(outcome.out().contains("no picture: "), outcome.out());
    Files.writeString(out.resolve("metrics.csv"), "mine\n");
    assertFailed(1, "is not the metrics of a run", run("train", "--resume", out.toString()));
    assertEquals("mine\n", Files.readString(out.resolve("metrics.csv")));
  }

  /** Where digits are others, the decimal separator is a comma, or i is not the small I. */
  @ParameterizedTest
  @ValueSource(strings = {"fa-IR", "tr-TR", "de-DE"})
  void runsDependOnNoLanguage(String language) throws IOException, InterruptedException {
    Locale locale = Locale.forLanguageTag(language);
    List<String> options =
        List.of(
            "-Duser.language=" + locale.getLanguage(),
            "-Duser.country=" + locale.getCountry(),
            "-Dfile.encoding=COMPAT",
            "-Dline.separator=\r\n",
            "-Duser.timezone=Asia/Kathmandu");
    Path here = folder.resolve("here");
    train(here, "--steps", "4", "--precision", "bf16");
    for (String command :
        List.of(
            "train --data text.txt --out there --stop-at 2 --precision bf16 " + SMALL_SIZES,
            "train --resume there",
            "generate --from there --prompt the --length 5")) {
      output(fork(command, options));
    }
    assertEquals(withoutSpeed(here), withoutSpeed(folder.resolve("there")));
    assertEquals("step-000004\n", Files.readString(folder.resolve("there").resolve("LATEST")));
  }

  private static final String SMALL_SIZES =
      "--steps 4 --layers 1 --heads 2 --channels 8 --context 8 --batch 2 --eval-every 7"
          + " --eval-batches 2 --save-every 1 --dropout 0.1 --sample-length 20";

  private static final String SMALL_RUN = "train --data text.txt " + SMALL_SIZES;

  /** The command line in a process of its own, in the test's folder. */
  private Process fork(String command, List<String> options) throws IOException {
    return fork(command, options, ForkedJvm.classPath());
  }

  private Process fork(String command, List<String> options, String classPath) throws IOException {
    return ForkedJvm.of(options, classPath, Main.class, command.split(" ", -1))
        .directory(folder.toFile())
        .start();
  }

  /** What a process prints that ends well. */
  private static String output(Process process) throws IOException, InterruptedException {
    ForkedJvm.Ended jvm = ForkedJvm.end(process);
    assertEquals(0, jvm.exitCode(), jvm.output());
    return jvm.output();
  }

  @Test
  void resumingKeepsTheRunsOptions() {
    Path out = folder.resolve("run");
    train(out, "--stop-at", "1");
    assertFailed(
        2, "--layers belongs to the run", run("train", "--resume", out.toString(), "--layers=2"));
  }

  @Test
  void resumingNeedsTheSameText() throws IOException {
    Path out = folder.resolve("run");
    train(out, "--stop-at", "1");
    Files.writeString(data, TEXT + "more");
    assertFailed(1, "which has changed", run("train", "--resume", out.toString()));
    Path moved = Files.writeString(folder.resolve("moved.txt"), TEXT);
    Outcome resumed = run("train", "--resume", out.toString(), "--data", moved.toString());
    assertEquals(0, resumed.exitCode(), resumed.err());
  }

  @Test
  void anotherDeviceIsWarnedOf() {
    Path out = folder.resolve("run");
    train(out, "--stop-at", "1");
    Outcome outcome =
        run("train", "--resume", out.toString(), "--stop-at", "2", "--device", "reference");
    assertEquals(0, outcome.exitCode(), outcome.err());
    assertTrue(outcome.err().contains("goes on on reference"), outcome.err());
  }

  @Test
  void wrongInputIsToldInOneLine() {
    Path out = folder.resolve("run");
    assertFailed(2, "'x' is not an int", train(out, "--layers", "x"));
    assertFailed(2, "must be positive", train(out, "--batch", "0"));
    assertFailed(2, "multiple of --heads", train(out, "--heads", "3"));
    assertFailed(2, "--stop-at must be positive", train(out, "--stop-at", "0"));
    assertFailed(1, "too little text", train(out, "--context", "1000"));
    assertFailed(1, "no such file", run("train", "--data", "/nowhere/at-all"));
    assertFailed(1, "no such folder", run("train", "--resume", "/nowhere/at-all"));
    assertFailed(1, "no checkpoint", run("train", "--resume", folder.toString()));
    assertFailed(1, "cuda: there is no", train(out, "--device", NO_GPU));
    assertFailed(2, "Unknown option", run("train", "--nonsense"));
    assertFailed(2, "only gradient-descent, spirals, act", run("example", "nonsense"));
  }

  @Test
  void sizesBeyondAllBoundsAreToldInOneLine() {
    Path out = folder.resolve("run");
    String most = Integer.toString(Integer.MAX_VALUE);
    for (String option : List.of("--batch", "--context", "--channels", "--layers")) {
      Outcome outcome = train(out, option, most, "--heads", "1");
      assertNotEquals(0, outcome.exitCode(), option);
      assertEquals(1, outcome.err().lines().count(), outcome.err());
      assertFalse(outcome.err().contains("internal error"), outcome.err());
    }
    assertFailed(2, "--threads must be from 1 to 1024", train(out, "--threads", "1025"));
    assertFailed(2, "--threads must be", train(out, "--threads", "0"));
    assertFailed(2, "finite", train(out, "--learning-rate", "Infinity"));
    assertFailed(2, "finite", train(out, "--weight-decay", "NaN"));
  }

  @Test
  void whatIsEmptyOrNoPathIsRefused() {
    assertFailed(2, "must not be empty", run("train", "--data", ""));
    assertFailed(2, "must not be empty", run("train", "--out", ""));
    assertFailed(2, "must not be empty", run("generate", "--from", "", "--prompt", "x"));
    assertFailed(2, "must not be empty", run("example", "spirals", "--out", ""));
    assertFailed(2, "cannot be the name of a file", run("train", "--data", "a\0b"));
  }

  @Test
  void argumentsAreNotFilesOfArguments() throws IOException {
    Path file = Files.writeString(folder.resolve("options"), "--help");
    assertFailed(2, "@" + file, run("train", "@" + file));
  }

  @Test
  void messagesHaveNoControlCharactersAndAnEnd() {
    Outcome outcome = run("train", "--data", "x\u001B[2J\n" + "y".repeat(100_000));
    assertFailed(1, "x\\u{1b}[2J\\ny", outcome);
    assertTrue(outcome.err().length() < 3000, outcome.err());
  }

  @Test
  void errorsEndInOneLineToo() {
    String full = Main.message(new OutOfMemoryError("Java heap space"));
    assertTrue(full.endsWith("-Xmx8g allows more; less text needs less"), full);
  }

  // ---- generate ----

  @Test
  void equalSeedsWriteEqualTexts() {
    String run = folder.resolve("run").toString();
    train(Path.of(run));
    String first = generate(run, "--seed", "5");
    assertEquals(first, generate(run, "--seed", "5"));
    assertNotEquals(first, generate(run, "--seed", "6"));
    assertTrue(first.startsWith("the "), first);
    assertEquals(4 + 50, first.stripTrailing().length(), 10);
  }

  private static String generate(String run, String... more) {
    List<String> arguments =
        new ArrayList<>(List.of("generate", "--from", run, "--prompt", "the ", "--length", "50"));
    arguments.addAll(List.of(more));
    Outcome outcome = run(arguments.toArray(String[]::new));
    assertEquals(0, outcome.exitCode(), outcome.err());
    return outcome.out();
  }

  @Test
  void generatingNamesWhatIsWrong() {
    Path out = folder.resolve("run");
    train(out, "--stop-at", "1");
    String run = out.toString();
    assertFailed(
        1, "not in the vocabulary", run("generate", "--from", run, "--prompt", "the\u20ac"));
    assertFailed(2, "--prompt needs", run("generate", "--from", run, "--prompt", ""));
    assertFailed(
        2, "--top-p must", run("generate", "--from", run, "--prompt", "t", "--top-p", "0"));
    assertFailed(2, "--prompt", run("generate", "--from", run));
  }

  // ---- the rest ----

  @Test
  void helpNamesEveryCommand() {
    Outcome outcome = run();
    assertEquals(0, outcome.exitCode());
    for (String command : List.of("train", "generate", "example", "doctor")) {
      assertTrue(outcome.out().contains("\n  " + command + " "), outcome.out());
      assertEquals(0, run(command, "--help").exitCode());
    }
  }

  /** The launcher prints the files, so that help needs no build. */
  @ParameterizedTest
  @ValueSource(strings = {"", "train", "generate", "example", "doctor"})
  void theHelpIsInAFileToo(String name) throws IOException {
    StringWriter out = new StringWriter();
    CommandLine command = Main.commandLine().setUsageHelpAutoWidth(false).setUsageHelpWidth(80);
    command.setOut(new PrintWriter(out, true));
    command.execute(name.isEmpty() ? new String[] {"--help"} : new String[] {name, "--help"});
    String fileName = name.isEmpty() ? "help.txt" : "help-" + name + ".txt";
    try (InputStream file = Main.class.getResourceAsStream(fileName)) {
      String text = new String(Objects.requireNonNull(file).readAllBytes(), StandardCharsets.UTF_8);
      assertEquals(out.toString(), text);
    }
  }

  @Test
  void examplesAreListed() {
    Outcome outcome = run("example");
    assertEquals(0, outcome.exitCode(), outcome.err());
    assertEquals(3, outcome.out().lines().count(), outcome.out());
    assertTrue(run("example", "--help").out().endsWith(outcome.out()), outcome.out());
  }

  @Test
  void doctorFindsTheDeviceSound() {
    Outcome outcome = run("doctor");
    assertEquals(0, outcome.exitCode(), outcome.out() + outcome.err());
    assertTrue(outcome.out().contains("PASS"), outcome.out());
    assertTrue(outcome.out().contains("\ncuda\n"), outcome.out());
  }

  @Test
  void doctorSaysWhyADeviceIsOff() {
    Outcome outcome = run("doctor", "--device", NO_GPU);
    assertEquals(1, outcome.exitCode());
    assertTrue(outcome.out().contains("FAIL  cuda: there is no"), outcome.out());
  }

  // ---- a trimmed Java runtime ----

  /** As in the bundle for GPUs: neither java.desktop nor XChart. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "train --data text.txt --steps 2 --layers 1 --heads 2 --channels 8 --context 8",
        "example spirals",
        "example activations"
      })
  void withoutJavaDesktopOnlyThePictureIsMissing(String command)
      throws IOException, InterruptedException {
    String classPath =
        Arrays.stream(ForkedJvm.classPath().split(File.pathSeparator, -1))
            .filter(entry -> !entry.contains("xchart"))
            .collect(Collectors.joining(File.pathSeparator));
    String modules = "--limit-modules=java.base,java.logging,java.management,jdk.unsupported";
    String output = output(fork(command, List.of(modules), classPath));
    assertTrue(output.contains("no picture: this Java runtime has no module java.desktop"), output);
  }

  // ---- a small heap ----

  /** Of the most text that is read into it, every character takes two bytes. */
  @Test
  void theLargestTextFitsIntoTheHeap() throws IOException, InterruptedException {
    try (Writer text = Files.newBufferedWriter(folder.resolve("large.txt"))) {
      text.write("\u03B1");
      String line = TEXT.repeat(10);
      for (int written = 0; written < (16 << 20) - 2 * line.length(); written += line.length()) {
        text.write(line);
      }
    }
    String sizes = " --steps 1 --layers 1 --heads 2 --channels 8 --context 8 --sample-length 0";
    List<String> smallHeap = List.of("-Xmx400m", "-XX:+UseSerialGC");
    String output = output(fork("train --data large.txt --out large" + sizes, smallHeap));
    assertTrue(output.contains("saved: "), output);
  }
}
