package dev.adjoint.train;

import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
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
import dev.adjoint.optim.ParameterGroup;
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

  private static final Config CONFIG_PLAIN = Config.of(12, LearningRate.constant(0.05));

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

  /** Trains with one generator for training, validation and dropout; evaluates now and then. */
  private static List<Double> withOneGenerator(boolean evaluates, boolean resumes) {
    Adjoint.manualSeed(3);
    Generator shared = Adjoint.generator(Device.REFERENCE);
    try (var _ = Scope.open();
        Sequential frozen = new Sequential(new Linear(3, 16), new Dropout(0.5));
        Sequential model = new Sequential(frozen, new Dropout(0.1), new Linear(16, 1));
        AdamW optimizer = new AdamW(model.parameters(), 1)) {
      frozen.eval(); // stays so
      Tensor x = Tensor.randn(24, 3);
      Dataset dataset = new Dataset(x, x.sum(true, 1));
      DataLoader batches = new DataLoader(dataset, 8, shared);
      DataLoader held = new DataLoader(dataset, 12, shared);
      try (Trainer trainer =
          new Trainer(
              model, (in, out) -> model.apply(in).mseLoss(out), optimizer, batches, CONFIG_PLAIN)) {
        trainer.validation(held);
        List<Double> losses = new ArrayList<>();
        trainer.listener(
            progress -> {
              losses.add(progress.loss());
              if (evaluates) {
                trainer.evaluate();
                assertFalse(frozen.isTraining());
                assertTrue(model.isTraining());
              }
            });
        trainer.run(5);
        Map<String, @Nullable Object> state = trainer.state();
        if (resumes) {
          Adjoint.manualSeed(99);
          batches.next();
          held.next();
          trainer.restore(state);
        }
        trainer.run();
        return losses;
      }
    }
  }

  @Test
  void whatIsSharedChangesNothing() {
    List<Double> plain = withOneGenerator(false, false);
    assertEquals(12, plain.stream().distinct().count());
    assertEquals(plain, withOneGenerator(true, false));
    assertEquals(plain, withOneGenerator(false, true));
    assertEquals(plain, withOneGenerator(true, true));
  }

  @Test
  void frozenGroupsDoNotLearn() {
    try (Linear learning = new Linear(3, 1);
        Linear frozen = new Linear(3, 1);
        Generator examples = new Generator(Device.REFERENCE, 1);
        AdamW optimizer =
            AdamW.builder(0.5)
                .group(learning.parameters())
                .group(ParameterGroup.of(frozen.parameters()).withLearningRate(0))
                .build()) {
      double[] before = frozen.weight().toDoubleArray();
      Tensor x = Tensor.randn(24, 3);
      try (Trainer trainer =
          new Trainer(
              learning,
              (in, out) -> learning.apply(in).add(frozen.apply(in)).mseLoss(out),
              optimizer,
              new DataLoader(new Dataset(x, x.sum(true, 1)), 8, examples),
              CONFIG_PLAIN)) {
        trainer.run(3);
      }
      assertArrayEquals(before, frozen.weight().toDoubleArray());
      assertEquals(CONFIG_PLAIN.learningRate().at(2), optimizer.learningRate(0));
    }
  }

  /** Trains where the third step's loss is infinite; the parameters after the second, and last. */
  private static double[][] withAnInfiniteLoss(Config config, List<Double> losses) {
    try (Linear model = new Linear(3, 1);
        Generator examples = new Generator(Device.REFERENCE, 1);
        AdamW optimizer = new AdamW(model.parameters(), 0.1)) {
      Tensor x = Tensor.randn(24, 3);
      Tensor factor = Tensor.ones(1, 1);
      double[][] weights = new double[2][];
      try (Trainer trainer =
          new Trainer(
              model,
              (in, out) -> model.apply(in).mul(factor).mseLoss(out),
              optimizer,
              new DataLoader(new Dataset(x, x.sum(true, 1)), 8, examples),
              config)) {
        trainer.listener(
            progress -> {
              losses.add(progress.loss());
              if (progress.step() == 2) {
                weights[0] = model.weight().toDoubleArray();
              }
              factor.fill_(progress.step() == 2 ? Double.POSITIVE_INFINITY : 1);
            });
        try {
          trainer.run(3);
        } finally {
          weights[1] = model.weight().toDoubleArray();
        }
        trainer.run();
      } catch (TensorException e) {
        String message = requireNonNull(e.getMessage());
        assertTrue(message.contains("step 3") && message.contains("the loss is Infinity"), message);
        assertTrue(message.contains("not finite: the loss"), message);
        assertEquals(NonFinite.STOP, config.nonFinite());
      }
      return weights;
    }
  }

  @Test
  void stepsThatAreNotFinite() {
    for (boolean captured : new boolean[] {false, true}) {
      Config config = CONFIG_PLAIN.withClipNorm(1).withCaptured(captured);
      List<Double> losses = new ArrayList<>();
      double[][] weights = withAnInfiniteLoss(config, losses);
      assertArrayEquals(weights[0], weights[1]);
      assertEquals(2, losses.size());
      losses.clear();
      weights = withAnInfiniteLoss(config.withNonFinite(NonFinite.SKIP), losses);
      assertArrayEquals(weights[0], weights[1]);
      assertEquals(12, losses.size());
      assertEquals(11, losses.stream().filter(Double::isFinite).count());
      losses.clear();
      weights = withAnInfiniteLoss(config.withNonFinite(NonFinite.IGNORE), losses);
      assertTrue(Double.isNaN(weights[1][0]));
      assertEquals(12, losses.size());
    }
  }

  @Test
  void theFirstTensorThatIsNotFiniteIsNamed() {
    try (Linear model = new Linear(2, 1);
        Generator examples = new Generator(Device.REFERENCE, 1);
        AdamW optimizer = new AdamW(model.parameters(), 0.1)) {
      Tensor x = Tensor.ones(4, 2);
      Tensor y = Tensor.zeros(4, 1);
      DataLoader batches = new DataLoader(new Dataset(x, y), 4, examples);
      Trainer.Loss loss = (in, out) -> model.apply(in).mul(1e30).mseLoss(out).mul(1e-30);
      model.weight().detach().fill_(0);
      requireNonNull(model.bias()).detach().fill_(0);
      try (Trainer trainer = new Trainer(model, loss, optimizer, batches, CONFIG_PLAIN)) {
        requireNonNull(model.bias()).detach().fill_(Double.NaN);
        assertStops(trainer, "parameter bias [1], NaN at element 0");
        requireNonNull(model.bias()).detach().fill_(0);
        x.set(Double.NEGATIVE_INFINITY, 3, 1);
        assertStops(trainer, "the inputs [4, 2], -Infinity at element");
        x.fill_(1);
        y.fill_(1e-30);
        y.set(Double.NaN, 0, 0);
        assertStops(trainer, "the targets [4, 1], NaN at element");
      }
      Trainer.Loss steep = (in, out) -> model.apply(in).sub(out).abs().sqrt().sum();
      y.fill_(0);
      try (Trainer trainer = new Trainer(model, steep, optimizer, batches, CONFIG_PLAIN)) {
        assertStops(trainer, "the gradient of parameter weight [1, 2], NaN at element 0");
      }
    }
  }

  private static void assertStops(Trainer trainer, String part) {
    TensorException e = assertThrows(TensorException.class, () -> trainer.run(1));
    String message = requireNonNull(e.getMessage());
    assertTrue(message.contains(part), message);
    assertEquals(0, trainer.step());
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
