package dev.adjoint.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.Adjoint;
import dev.adjoint.Device;
import dev.adjoint.Generator;
import dev.adjoint.Precision;
import dev.adjoint.Reference;
import dev.adjoint.Scope;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import dev.adjoint.data.DataLoader;
import dev.adjoint.data.Dataset;
import dev.adjoint.nn.Activation;
import dev.adjoint.nn.Dropout;
import dev.adjoint.nn.Linear;
import dev.adjoint.nn.Sequential;
import dev.adjoint.optim.AdamW;
import dev.adjoint.optim.LearningRate;
import dev.adjoint.train.Trainer.Config;
import dev.adjoint.train.Trainer.Progress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** On a small network with dropout that learns the sum of its inputs. */
@ExtendWith(Reference.class)
class TrainerTest {
  private static final Config CONFIG =
      Config.of(12, LearningRate.cosine(0.05, 10, 0.001).withWarmup(2))
          .withClipNorm(1)
          .withEvaluation(5, 2);

  /** What a run leaves behind. */
  private record Outcome(
      List<Progress> progress, List<Double> parameters, Map<String, @Nullable Object> state) {}

  /** A trainer over fresh parts, all from fixed seeds, for as long as {@code body} runs. */
  private static Outcome train(Config config, Consumer<Trainer> body) {
    Adjoint.manualSeed(3);
    try (var _ = Scope.open();
        Generator examples = new Generator(Device.REFERENCE, 1);
        Generator held = new Generator(Device.REFERENCE, 2);
        Sequential model =
            new Sequential(
                new Linear(3, 16), Activation.gelu(), new Dropout(0.1), new Linear(16, 1));
        AdamW optimizer = new AdamW(model.parameters(), 1)) {
      Tensor x = Tensor.randn(24, 3);
      Dataset dataset = new Dataset(x, x.sum(true, 1));
      try (Trainer trainer =
          new Trainer(
              model,
              (inputs, targets) -> model.apply(inputs).mseLoss(targets),
              optimizer,
              new DataLoader(dataset, 8, examples),
              config)) {
        trainer.validation(new DataLoader(dataset, 12, held));
        List<Progress> progress = new ArrayList<>();
        trainer.listener(progress::add);
        body.accept(trainer);
        return new Outcome(progress, values(model), trainer.state());
      }
    }
  }

  private static List<Double> values(Sequential model) {
    List<Tensor> flat = new ArrayList<>();
    model.parameters().forEach(p -> flat.add(p.detach().reshape(p.numel())));
    return Arrays.stream(Tensor.cat(flat, 0).toDoubleArray()).boxed().toList();
  }

  private static void assertSameSteps(List<Progress> expected, List<Progress> actual) {
    assertEquals(expected.size(), actual.size());
    for (int i = 0; i < expected.size(); i++) {
      Progress e = expected.get(i);
      Progress a = actual.get(i);
      assertEquals(e.step(), a.step());
      assertEquals(e.loss(), a.loss());
      assertEquals(e.learningRate(), a.learningRate());
      assertEquals(e.gradientNorm(), a.gradientNorm());
      assertEquals(e.validationLoss(), a.validationLoss());
      assertTrue(a.targetsPerSecond() > 0);
    }
  }

  @Test
  void learns() {
    Outcome outcome =
        train(Config.of(150, LearningRate.constant(0.02)).withEvaluation(0, 1), Trainer::run);
    assertEquals(150, outcome.progress().size());
    assertTrue(outcome.progress().getLast().loss() < outcome.progress().getFirst().loss() / 5);
    assertEquals(150L, outcome.state().get("step"));
  }

  @Test
  void tellsOfEachStep() {
    List<Progress> progress = train(CONFIG, Trainer::run).progress();
    for (int i = 0; i < 12; i++) {
      Progress p = progress.get(i);
      assertEquals(i + 1, p.step());
      assertEquals(CONFIG.learningRate().at(i), p.learningRate());
      assertTrue(p.gradientNorm() > 0);
      assertEquals(List.of(5L, 10L, 12L).contains(p.step()), p.validationLoss().isPresent());
    }
  }

  @Test
  void capturedStepsAreBitIdentical() {
    Outcome eager = train(CONFIG, Trainer::run);
    Outcome captured = train(CONFIG.withCaptured(true), Trainer::run);
    assertSameSteps(eager.progress(), captured.progress());
    assertEquals(eager.parameters(), captured.parameters());
    assertEquals(eager.state(), captured.state());
  }

  @Test
  void precisionGoesForStepsAndEvaluations() {
    Outcome exact = train(CONFIG, Trainer::run);
    Outcome rounded = train(CONFIG.withPrecision(Precision.BF16), Trainer::run);
    for (int i : new int[] {0, 4, 11}) {
      Progress e = exact.progress().get(i);
      Progress r = rounded.progress().get(i);
      assertNotEquals(e.loss(), r.loss());
      assertEquals(e.loss(), r.loss(), 0.05 * e.loss());
    }
    assertEquals(Precision.F32, Precision.current());
    Config untrained = Config.of(0, LearningRate.constant(1));
    double[] evaluations = new double[2];
    train(untrained, trainer -> evaluations[0] = trainer.evaluate());
    train(untrained.withPrecision(Precision.BF16), trainer -> evaluations[1] = trainer.evaluate());
    assertNotEquals(evaluations[0], evaluations[1]);
  }

  @Test
  void aStoppedRunGoesOnWhereItWas() {
    Outcome whole = train(CONFIG, Trainer::run);
    Outcome stopped =
        train(
            CONFIG,
            trainer -> {
              trainer.run(7);
              assertEquals(7, trainer.step());
              Map<String, @Nullable Object> state = trainer.state();
              Adjoint.manualSeed(99);
              trainer.restore(state);
              trainer.run();
            });
    assertSameSteps(whole.progress(), stopped.progress());
    assertEquals(whole.parameters(), stopped.parameters());
    assertEquals(whole.state(), stopped.state());
  }

  @Test
  void stopEndsTheRunAfterTheStep() {
    Outcome outcome =
        train(
            CONFIG,
            trainer -> {
              trainer.listener(
                  progress -> {
                    if (progress.step() == 3) {
                      trainer.stop();
                    }
                  });
              trainer.run();
              assertEquals(3, trainer.step());
            });
    assertEquals(3L, outcome.state().get("step"));
  }

  @Test
  void memoryStaysFlat() {
    for (boolean captured : new boolean[] {false, true}) {
      List<Long> live = new ArrayList<>();
      train(
          CONFIG.withCaptured(captured),
          trainer -> {
            trainer.listener(_ -> live.add(Adjoint.memory(Device.REFERENCE).liveBytes()));
            trainer.run();
          });
      assertEquals(live.get(4), live.get(11));
    }
  }

  @Test
  void badStatesAndSettingsAreNamed() {
    train(
        CONFIG,
        trainer -> {
          assertThrows(TensorException.class, () -> trainer.restore(Map.of()));
          assertThrows(TensorException.class, () -> trainer.restore(Map.of("step", 1L)));
          assertThrows(
              TensorException.class,
              () -> trainer.restore(Map.of("step", 1L, "random", List.of("a", "b"))));
          Map<String, @Nullable Object> before = trainer.state();
          for (var wrong :
              Map.of("step", -1L, "random", List.of(1L), "batches", List.of(1L)).entrySet()) {
            Map<String, @Nullable Object> state = new LinkedHashMap<>();
            state.putAll(Map.of("step", 5L, "random", List.of(7L, 7L)));
            state.put("batches", before.get("batches"));
            state.put(wrong.getKey(), wrong.getValue());
            assertThrows(TensorException.class, () -> trainer.restore(state));
            assertEquals(before, trainer.state());
          }
        });
    LearningRate constant = LearningRate.constant(1);
    assertThrows(TensorException.class, () -> Config.of(-1, constant));
    assertThrows(TensorException.class, () -> Config.of(1, constant).withClipNorm(0));
    assertThrows(TensorException.class, () -> Config.of(1, constant).withEvaluation(1, 0));
  }
}
