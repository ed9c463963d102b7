package dev.adjoint.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.adjoint.TensorException;
import org.junit.jupiter.api.Test;

class LearningRateTest {
  private static void assertValues(LearningRate schedule, double... expected) {
    for (int step = 0; step < expected.length; step++) {
      assertEquals(expected[step], schedule.at(step), 1e-15, "step " + step);
    }
  }

  @Test
  void schedulesFollowTheirFormulas() {
    assertValues(LearningRate.constant(2), 2, 2, 2);
    assertValues(LearningRate.step(8, 2, 0.5), 8, 8, 4, 4, 2);
    assertValues(LearningRate.exponential(8, 0.5), 8, 4, 2, 1);
    assertValues(LearningRate.linear(4, 4, 0), 4, 3, 2, 1, 0, 0);
    double root = Math.sqrt(0.5);
    assertValues(LearningRate.cosine(3, 4, 1), 3, 2 + root, 2, 2 - root, 1, 1, 1);
  }

  @Test
  void warmupComesBefore() {
    assertValues(LearningRate.linear(4, 4, 0).withWarmup(3), 1, 2, 3, 4, 3, 2, 1, 0, 0);
    assertValues(LearningRate.constant(1).withWarmup(0), 1, 1);
  }

  @Test
  void badNumbersAreNamed() {
    assertThrows(TensorException.class, () -> LearningRate.step(1, 0, 0.5));
    assertThrows(TensorException.class, () -> LearningRate.cosine(1, 0, 0));
    assertThrows(TensorException.class, () -> LearningRate.linear(1, -1, 0));
    assertThrows(TensorException.class, () -> LearningRate.constant(1).withWarmup(-1));
    for (double bad : new double[] {-1, Double.NaN, Double.POSITIVE_INFINITY}) {
      assertThrows(TensorException.class, () -> LearningRate.constant(bad));
      assertThrows(TensorException.class, () -> LearningRate.step(bad, 1, 0.5));
      assertThrows(TensorException.class, () -> LearningRate.step(1, 1, bad));
      assertThrows(TensorException.class, () -> LearningRate.exponential(bad, 0.5));
      assertThrows(TensorException.class, () -> LearningRate.exponential(1, bad));
      assertThrows(TensorException.class, () -> LearningRate.cosine(bad, 1, 0));
      assertThrows(TensorException.class, () -> LearningRate.cosine(1, 1, bad));
      assertThrows(TensorException.class, () -> LearningRate.linear(bad, 1, 0));
      assertThrows(TensorException.class, () -> LearningRate.linear(1, 1, bad));
    }
  }
}
