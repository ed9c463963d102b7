package dev.adjoint.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;

class SamplerTest {
  /** Probabilities 0.1, 0.6, 0.3. */
  private static final double[] LOGITS = {Math.log(0.1), Math.log(0.6), Math.log(0.3)};

  @Test
  void followsTheProbabilities() {
    assertFrequencies(new Sampler(1, 0, 1, 0), 0.1, 0.6, 0.3);
  }

  @Test
  void takesTheLikeliestAtTemperatureZero() {
    assertFrequencies(new Sampler(0, 0, 1, 0), 0, 1, 0);
  }

  @Test
  void sharpensBelowOne() {
    // Squares: 0.01, 0.36, 0.09, together 0.46.
    assertFrequencies(new Sampler(0.5, 0, 1, 0), 0.01 / 0.46, 0.36 / 0.46, 0.09 / 0.46);
  }

  @Test
  void keepsTheTopK() {
    assertFrequencies(new Sampler(1, 2, 1, 0), 0, 2 / 3.0, 1 / 3.0);
    assertFrequencies(new Sampler(1, 9, 1, 0), 0.1, 0.6, 0.3);
  }

  @Test
  void keepsTheNucleus() {
    assertFrequencies(new Sampler(1, 0, 0.5, 0), 0, 1, 0);
    assertFrequencies(new Sampler(1, 0, 0.7, 0), 0, 2 / 3.0, 1 / 3.0);
  }

  private static void assertFrequencies(Sampler sampler, double... expected) {
    Random random = new Random(3);
    int draws = 20_000;
    int[] counts = new int[LOGITS.length];
    for (int i = 0; i < draws; i++) {
      counts[sampler.choose(LOGITS, random)]++;
    }
    for (int k = 0; k < counts.length; k++) {
      assertEquals(expected[k], counts[k] / (double) draws, 0.015, "choice " + k);
      assertTrue(expected[k] > 0 || counts[k] == 0, "choice " + k + " must not occur");
    }
  }
}
