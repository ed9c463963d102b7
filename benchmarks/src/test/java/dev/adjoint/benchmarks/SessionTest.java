package dev.adjoint.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.benchmarks.WorkerProcess.Backend;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/** Whole runs on tiny cases, with processes. */
class SessionTest {
  private static final Session.Effort EFFORT = new Session.Effort(2, 1, 5);

  private static Backend backend(PeerProvider provider) {
    return new Backend(provider, provider.settings(1).getFirst(), 1);
  }

  private final Results results = new Results(Machine.here());
  private final List<Backend> backends =
      List.of(backend(new AdjointProviders.Reference()), backend(new BrokenPeers()));

  @Test
  void timesAndFailures() {
    try (Session session = new Session(results, EFFORT, _ -> true, () -> {})) {
      session.time("gemm", new GemmCase("f32", 4, 5, 6), backends);
      session.time("ops", new OpCase("add", true, 3), backends);
      session.time("ops", new OpCase("mul", true, 3), backends);
      session.time("ops", new OpCase("silu", false, 3), backends);
      session.time(
          "train",
          new StepCase(StepCase.Model.SCALAR_LOOP, StepCase.Optimizer.SGD),
          backends.subList(0, 1));
    }
    List<String> seen =
        results.rows().stream()
            .map(
                row ->
                    String.join(
                        " ",
                        row.subject().caseId(),
                        row.subject().backend(),
                        row.isTime() ? "measured" : row.note()))
            .toList();
    assertEquals(
        List.of(
            "f32-4x5x6-nn reference measured",
            "add-3-fb reference measured",
            "add-3-fb broken IllegalStateException: no luck",
            "mul-3-fb reference measured",
            "mul-3-fb broken the process ended with exit code 3",
            "silu-3-f reference measured",
            "silu-3-f broken IllegalStateException: no luck",
            "scalar-loop-sgd reference measured",
            "scalar-loop-sgd-captured reference measured"),
        seen);
    assertEquals("0", results.versions().get("broken"));
  }

  @Test
  void ofACasesVersionsOnlyThoseThatAreWanted() {
    StepCase step = new StepCase(StepCase.Model.SCALAR_LOOP, StepCase.Optimizer.SGD);
    try (Session session = new Session(results, EFFORT, id -> id.endsWith("-captured"), () -> {})) {
      session.time("train", step, backends.subList(0, 1));
    }
    assertEquals(
        List.of("scalar-loop-sgd-captured"),
        results.rows().stream().map(row -> row.subject().caseId()).toList());
  }

  @Test
  void errorsAndMemory() {
    try (Session session = new Session(results, EFFORT, _ -> true, () -> {})) {
      session.accuracy(new OpCase("tanh", List.of(64L), false, true), backends.subList(0, 1));
      session.memory(
          new StepCase(StepCase.Model.SCALAR_LOOP, StepCase.Optimizer.SGD), backends.subList(0, 1));
    }
    assertEquals(0.5, results.rows().getFirst().rate(), 0.5);
    assertTrue(results.rows().getLast().rate() > 10, "a JVM has more than 10 MiB");
  }

  @Test
  void ourStepsAreBesideThoseOfTheSamePrecision() {
    List<String> theirs = List.of("char-gpt-sgd", "char-gpt-sgd-bf16");
    assertEquals("char-gpt-sgd-bf16", beside("char-gpt-sgd-captured-bf16", theirs));
    assertEquals("char-gpt-sgd", beside("char-gpt-sgd-captured", theirs));
    assertEquals("char-gpt-sgd", beside("char-gpt-sgd-bf16", theirs.subList(0, 1)));
  }

  private static String beside(String own, List<String> theirs) {
    Function<String, Row.Subject> subject = id -> new Row.Subject("train", id, "peer", false, 1);
    return Session.beside(subject.apply(own), theirs.stream(), subject).iterator().next();
  }

  @Test
  void parityLeavesEqualInfinitiesOut() {
    double[] ours = {1, Double.POSITIVE_INFINITY, Double.NaN};
    double[] theirs = {1.5, Double.POSITIVE_INFINITY, Double.NaN};
    Results.Parity parity = Session.parity("case", "ours", "peer", ours, theirs);
    assertEquals(0.5, parity.difference());
    assertEquals(1.5, parity.scale());
  }
}
