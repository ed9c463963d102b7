package dev.adjoint.optim;

import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.Adjoint;
import dev.adjoint.DType;
import dev.adjoint.Device;
import dev.adjoint.ForkedJvm;
import dev.adjoint.OutOfMemoryException;
import dev.adjoint.Reference;
import dev.adjoint.Scope;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The rules against PyTorch's documented algorithms, written down again for one number in float64.
 */
@ExtendWith(Reference.class)
class OptimizerTest {
  private static final double LEARNING_RATE = 0.1;
  private static final double INFINITE = Double.POSITIVE_INFINITY;

  /** What one step makes of a number. */
  private interface Rule {
    double step(double w, double g);
  }

  private static Rule sgd(double momentum, double dampening, double decay, boolean nesterov) {
    return new Rule() {
      private double buffer;
      private boolean first = true;

      @Override
      public double step(double w, double gradient) {
        double g = gradient + decay * w;
        if (momentum != 0) {
          buffer = first ? g : momentum * buffer + (1 - dampening) * g;
          first = false;
          g = nesterov ? g + momentum * buffer : buffer;
        }
        return w - LEARNING_RATE * g;
      }
    };
  }

  private static Rule adamW(double beta1, double beta2, double eps, double decay) {
    return new Rule() {
      private double m;
      private double v;
      private int t;

      @Override
      public double step(double w, double g) {
        t++;
        double decayed = w - LEARNING_RATE * decay * w;
        m = beta1 * m + (1 - beta1) * g;
        v = beta2 * v + (1 - beta2) * g * g;
        double corrected = m / (1 - Math.pow(beta1, t));
        double root = Math.sqrt(v / (1 - Math.pow(beta2, t)));
        return decayed - LEARNING_RATE * corrected / (root + eps);
      }
    };
  }

  /** Gradients of w·g, one step after another. */
  private static void step(Optimizer optimizer, Map<Tensor, Double> gradients) {
    try (var _ = Scope.open()) {
      optimizer.zeroGrad();
      gradients.forEach((parameter, g) -> parameter.mul(g).sum().backward());
      optimizer.step();
    }
  }

  private static Tensor parameter(double value) {
    return Tensor.of(value).requiresGrad_(true);
  }

  /** How many steps a parameter has made. */
  private static double steps(Optimizer optimizer, int parameter) {
    return requireNonNull(optimizer.stateDict().get(parameter + ".step")).item();
  }

  private static double gradient(int step) {
    return Math.sin(2 * step) + 0.3;
  }

  private static void assertFollows(Rule rule, Tensor w, Optimizer optimizer) {
    double expected = w.item();
    try (optimizer) {
      for (int i = 0; i < 20; i++) {
        step(optimizer, Map.of(w, gradient(i)));
        expected = rule.step(expected, gradient(i));
        assertEquals(expected, w.item(), 1e-12, "step " + i);
      }
    }
  }

  @Test
  void sgdIsPyTorchs() {
    Tensor w = parameter(1.5);
    assertFollows(sgd(0, 0, 0, false), w, new Sgd(List.of(w), LEARNING_RATE));
    assertFollows(sgd(0, 0, 0.2, false), w, builder().weightDecay(0.2).group(List.of(w)).build());
    assertFollows(
        sgd(0.9, 0, 0.2, false),
        w,
        builder().momentum(0.9).weightDecay(0.2).group(List.of(w)).build());
    assertFollows(
        sgd(0.9, 0.4, 0, false),
        w,
        builder().momentum(0.9).dampening(0.4).group(List.of(w)).build());
    assertFollows(
        sgd(0.9, 0, 0.1, true),
        w,
        builder().momentum(0.9).nesterov(true).weightDecay(0.1).group(List.of(w)).build());
  }

  private static Sgd.Builder builder() {
    return Sgd.builder(LEARNING_RATE);
  }

  @Test
  void adamWIsPyTorchs() {
    Tensor w = parameter(-0.5);
    assertFollows(adamW(0.9, 0.999, 1e-8, 0.01), w, new AdamW(List.of(w), LEARNING_RATE));
    assertFollows(
        adamW(0.8, 0.95, 1e-3, 0.1),
        w,
        AdamW.builder(LEARNING_RATE)
            .betas(0.8, 0.95)
            .eps(1e-3)
            .weightDecay(0.1)
            .group(List.of(w))
            .build());
  }

  @Test
  void parametersWithoutGradientKeepTheirOwnCount() {
    Tensor always = parameter(1);
    Tensor late = parameter(1);
    Tensor never = parameter(1);
    Rule forAlways = adamW(0.9, 0.999, 1e-8, 0.01);
    Rule forLate = adamW(0.9, 0.999, 1e-8, 0.01);
    double expectedAlways = 1;
    double expectedLate = 1;
    try (AdamW optimizer = new AdamW(List.of(always, late, never), LEARNING_RATE)) {
      for (int i = 0; i < 12; i++) {
        expectedAlways = forAlways.step(expectedAlways, gradient(i));
        if (i % 3 == 1) {
          expectedLate = forLate.step(expectedLate, gradient(i));
          step(optimizer, Map.of(always, gradient(i), late, gradient(i)));
        } else {
          step(optimizer, Map.of(always, gradient(i)));
        }
        assertEquals(expectedAlways, always.item(), 1e-12);
        assertEquals(expectedLate, late.item(), 1e-12);
        assertEquals(1, never.item());
      }
      assertEquals(12, steps(optimizer, 0));
      assertEquals(4, steps(optimizer, 1));
      assertEquals(0, steps(optimizer, 2));
    }
  }

  @Test
  void groupsHaveTheirOwnSettings() {
    Tensor common = parameter(1);
    Tensor own = parameter(1);
    Sgd.Builder builder =
        Sgd.builder(0.1)
            .weightDecay(0.5)
            .group(List.of(common))
            .group(ParameterGroup.of(List.of(own)).withLearningRate(0.2).withWeightDecay(0));
    try (Sgd optimizer = builder.build()) {
      step(optimizer, Map.of(common, 1.0, own, 1.0));
      assertEquals(1 - 0.1 * 1.5, common.item(), 1e-15);
      assertEquals(0.8, own.item(), 1e-15);
      optimizer.setLearningRate(1, 0.3);
      assertEquals(0.1, optimizer.learningRate());
      assertEquals(0.3, optimizer.learningRate(1));
      step(optimizer, Map.of(own, 1.0));
      assertEquals(0.5, own.item(), 1e-15);
    }
  }

  private static Sgd withTwoRates(Tensor common, Tensor own, double rate) {
    return Sgd.builder(0.1)
        .group(List.of(common))
        .group(ParameterGroup.of(List.of(own)).withLearningRate(rate))
        .build();
  }

  @Test
  void groupsKeepTheirProportionToTheLearningRate() {
    Tensor common = parameter(1);
    Tensor own = parameter(1);
    try (Sgd optimizer = withTwoRates(common, own, 0.05)) {
      optimizer.setLearningRate(0); // a schedule that begins or ends at 0 loses nothing
      assertEquals(0, optimizer.learningRate(1));
      optimizer.setLearningRate(0.4);
      assertEquals(0.4, optimizer.learningRate());
      assertEquals(0.4, optimizer.learningRate(0));
      assertEquals(0.2, optimizer.learningRate(1), 1e-15);
      step(optimizer, Map.of(common, 1.0, own, 1.0));
      assertEquals(0.6, common.item(), 1e-15);
      assertEquals(0.8, own.item(), 1e-15);
      optimizer.setLearningRate(1, 0.8);
      optimizer.setLearningRate(0.1);
      assertEquals(0.2, optimizer.learningRate(1), 1e-15);
    }
  }

  @Test
  void frozenGroupsStayFrozen() {
    Tensor common = parameter(1);
    Tensor own = parameter(1);
    try (Sgd optimizer = withTwoRates(common, own, 0)) {
      optimizer.setLearningRate(0.4);
      step(optimizer, Map.of(common, 1.0, own, 1.0));
      assertEquals(1, own.item());
    }
    try (Sgd optimizer = withTwoRates(common, own, 0.1);
        Sgd resumed = withTwoRates(common, own, 0.1)) {
      optimizer.setLearningRate(1, 0);
      optimizer.setLearningRate(0.2);
      resumed.loadStateDict(optimizer.stateDict());
      assertEquals(0.2, resumed.learningRate());
      resumed.setLearningRate(0.3);
      assertEquals(0.3, resumed.learningRate(0));
      assertEquals(0, resumed.learningRate(1));
    }
  }

  @Test
  void aRateThatNoScheduleCanScaleIsRefused() {
    Tensor w = parameter(1);
    ParameterGroup group = ParameterGroup.of(List.of(w)).withLearningRate(0.1);
    try (Sgd optimizer = Sgd.builder(0).group(group).build()) {
      assertEquals(0.1, optimizer.learningRate(0));
      String message =
          requireNonNull(
              assertThrows(TensorException.class, () -> optimizer.setLearningRate(0.5))
                  .getMessage());
      assertTrue(message.contains("group 0") && message.contains("0.1"), message);
      assertEquals(0.1, optimizer.learningRate(0));
    }
  }

  @Test
  void stateGoesFromOneOptimizerToAnother() {
    Tensor a = parameter(1);
    Tensor b = parameter(2);
    try (AdamW optimizer = new AdamW(List.of(a, b), LEARNING_RATE)) {
      step(optimizer, Map.of(a, 1.0));
      step(optimizer, Map.of(a, 2.0, b, 0.5));
      Tensor a2 = parameter(a.item());
      Tensor b2 = parameter(b.item());
      try (AdamW other = new AdamW(List.of(a2, b2), 7)) {
        other.loadStateDict(optimizer.stateDict());
        assertEquals(LEARNING_RATE, other.learningRate());
        for (int i = 0; i < 5; i++) {
          step(optimizer, Map.of(a, gradient(i), b, 1.0));
          step(other, Map.of(a2, gradient(i), b2, 1.0));
          assertEquals(a.item(), a2.item());
          assertEquals(b.item(), b2.item());
        }
      }
    }
  }

  @Test
  void loadingNamesEveryMisfitAndChangesNothing() {
    Tensor w = parameter(1);
    try (AdamW optimizer = new AdamW(List.of(w), LEARNING_RATE)) {
      step(optimizer, Map.of(w, 1.0));
      Map<String, Tensor> state = new LinkedHashMap<>(optimizer.stateDict());
      state.put("0.step", Tensor.of(9.0));
      state.remove("0.exp_avg");
      state.put("1.exp_avg", Tensor.of(0.0));
      String message =
          assertThrows(TensorException.class, () -> optimizer.loadStateDict(state)).toString();
      assertTrue(message.contains("missing: 0.exp_avg; unexpected: '1.exp_avg'"), message);
      assertEquals(1, steps(optimizer, 0));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "group.0.learning_rate, NaN",
    "group.0.learning_rate, Infinity",
    "group.0.learning_rate, -0.5",
    "group.0.share, NaN",
    "group.0.share, -1",
    "learning_rate, NaN",
    "0.step, NaN",
    "0.step, Infinity",
    "0.step, -1",
    "0.step, 1.5",
  })
  void valuesThatNoOptimizerCanHaveAreRefused(String key, double value) {
    Tensor w = parameter(1);
    try (AdamW optimizer = new AdamW(List.of(w), LEARNING_RATE)) {
      step(optimizer, Map.of(w, 1.0));
      Map<String, Tensor> state = new LinkedHashMap<>();
      optimizer.stateDict().forEach((name, tensor) -> state.put(name, tensor.copy()));
      state.put("0.exp_avg", Tensor.full(w.shape(), 77, w.dtype(), w.device()));
      state.put(key, Tensor.of(value));
      String message =
          assertThrows(TensorException.class, () -> optimizer.loadStateDict(state)).toString();
      assertTrue(message.contains(key), message);
      assertWorks(optimizer, w, 1);
    }
  }

  @Test
  void aLoadThatFailsMidwayChangesNothing() {
    Tensor a = parameter(1);
    Tensor b = parameter(2);
    try (AdamW optimizer = new AdamW(List.of(a, b), LEARNING_RATE)) {
      step(optimizer, Map.of(a, 1.0, b, 1.0));
      Map<String, Tensor> state = new LinkedHashMap<>();
      optimizer.stateDict().forEach((name, tensor) -> state.put(name, tensor.add(1)));
      requireNonNull(state.get("1.exp_avg_sq")).close();
      assertThrows(TensorException.class, () -> optimizer.loadStateDict(state));
      assertWorks(optimizer, a, 1);
    }
  }

  private static void assertWorks(Optimizer optimizer, Tensor w, int steps) {
    assertEquals(LEARNING_RATE, optimizer.learningRate());
    assertEquals(steps, steps(optimizer, 0));
    assertTrue(requireNonNull(optimizer.stateDict().get("0.exp_avg")).item() < 1);
    double before = w.item();
    step(optimizer, Map.of(w, 1.0));
    assertEquals(steps + 1, steps(optimizer, 0));
    assertTrue(w.item() < before);
  }

  /** Loads with a little more memory each time, until it is enough. */
  static final class ScarceMemory {
    private ScarceMemory() {}

    public static void main(String[] args) {
      Adjoint.setDefaultDevice(Device.REFERENCE);
      int failures = 0;
      while (failures < 50 && !loads(failures)) {
        failures++;
      }
      System.out.println("failures: " + (failures > 3 && failures < 50 ? "several" : failures));
    }

    private static boolean loads(int spare) {
      try (var _ = Scope.open()) {
        List<Tensor> weights = List.of(parameter(1), parameter(2), parameter(3));
        AdamW.Builder builder = AdamW.builder(LEARNING_RATE).group(weights.subList(0, 2));
        try (AdamW optimizer = builder.group(weights.subList(2, 3)).build()) {
          Map<Tensor, Double> gradients = new LinkedHashMap<>();
          weights.forEach(w -> gradients.put(w, 1.0));
          step(optimizer, gradients);
          Map<String, Tensor> state = new LinkedHashMap<>();
          optimizer.stateDict().forEach((name, tensor) -> state.put(name, tensor.add(1)));
          boolean loaded = loadsWithSpare(optimizer, state, spare);
          assertEquals(loaded ? LEARNING_RATE + 1 : LEARNING_RATE, optimizer.learningRate(1));
          step(optimizer, gradients);
          for (int i = 0; i < 3; i++) {
            assertEquals(loaded ? 3 : 2, steps(optimizer, i));
            double w = weights.get(i).item();
            assertTrue(w < i + 1 - 1.5 * LEARNING_RATE, "moved by both steps: " + w);
          }
          return loaded;
        }
      }
    }

    private static boolean loadsWithSpare(AdamW optimizer, Map<String, Tensor> state, int spare) {
      long before = Adjoint.memory(Device.REFERENCE).liveBytes();
      long block;
      try (Tensor _ = Tensor.of(0.0)) {
        block = Adjoint.memory(Device.REFERENCE).liveBytes() - before;
      }
      Adjoint.emptyCache(Device.REFERENCE);
      long bytes = Adjoint.memory(Device.REFERENCE).budget() - before - spare * block;
      List<Tensor> ballast = new ArrayList<>(); // in powers of two, which are not rounded up
      for (long rest = bytes / block * block; rest > 0; rest -= Long.highestOneBit(rest)) {
        Shape size = Shape.of(Long.highestOneBit(rest));
        ballast.add(Tensor.full(size, 0, DType.BOOL, Device.REFERENCE));
      }
      try {
        optimizer.loadStateDict(state);
        return true;
      } catch (OutOfMemoryException e) {
        return false;
      } finally {
        ballast.forEach(Tensor::close);
      }
    }
  }

  @Test
  void withoutMemoryLoadingChangesNothing() throws IOException, InterruptedException {
    assertEquals(
        "failures: several\nexit 0", ForkedJvm.run(List.of("-Xmx32m"), ScarceMemory.class));
  }

  @Test
  void largeParametersOfManyShapesMoveTogether() {
    Tensor matrix = Tensor.randn(3, 5).requiresGrad_(true);
    Tensor vector = Tensor.randn(7).requiresGrad_(true);
    float[] before = matrix.toFloatArray();
    try (Sgd optimizer = new Sgd(List.of(matrix, vector), 0.5)) {
      step(optimizer, Map.of(matrix, 2.0, vector, 2.0));
    }
    float[] expected = new float[before.length];
    for (int i = 0; i < before.length; i++) {
      expected[i] = before[i] - 1;
    }
    assertArrayEquals(expected, matrix.toFloatArray(), 1e-6f);
  }

  @Test
  void badSettingsAreNamed() {
    Tensor w = parameter(1);
    List<Tensor> one = List.of(w);
    assertThrows(TensorException.class, () -> new Sgd(List.of(), 0.1));
    assertThrows(TensorException.class, () -> new Sgd(one, -1));
    assertThrows(TensorException.class, () -> new Sgd(one, Double.NaN));
    assertThrows(TensorException.class, () -> new Sgd(List.of(w, w), 0.1));
    assertThrows(TensorException.class, () -> new Sgd(List.of(w.mul(2)), 0.1));
    assertThrows(TensorException.class, () -> new Sgd(List.of(Tensor.of(new long[] {1})), 0.1));
    assertThrows(TensorException.class, () -> new Sgd(one, Double.POSITIVE_INFINITY));
    assertThrows(TensorException.class, () -> builder().weightDecay(INFINITE).group(one).build());
    assertThrows(TensorException.class, () -> builder().momentum(INFINITE));
    assertThrows(TensorException.class, () -> builder().dampening(Double.NaN));
    assertThrows(TensorException.class, () -> AdamW.builder(0.1).eps(INFINITE));
    try (Sgd sgd = new Sgd(one, 0.1)) {
      for (double rate : new double[] {-1, Double.NaN, INFINITE}) {
        assertThrows(TensorException.class, () -> sgd.setLearningRate(rate));
      }
      assertEquals(0.1, sgd.learningRate());
    }
    Sgd.Builder nesterov = builder().nesterov(true).group(one);
    assertThrows(TensorException.class, nesterov::build);
    assertThrows(TensorException.class, () -> AdamW.builder(0.1).betas(1, 0.9));
  }
}
