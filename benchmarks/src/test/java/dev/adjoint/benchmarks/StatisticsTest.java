package dev.adjoint.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class StatisticsTest {
  private static final double[] SAMPLES = {5, 1, 4, 2, 3};

  @Test
  void quantilesLieBetweenSamples() {
    assertEquals(1, Statistics.quantile(SAMPLES, 0));
    assertEquals(3, Statistics.median(SAMPLES));
    assertEquals(4.8, Statistics.quantile(SAMPLES, 0.95), 1e-12);
    assertEquals(5, Statistics.quantile(SAMPLES, 1));
    assertEquals(1.5, Statistics.median(new double[] {1, 2}));
    assertEquals(7, Statistics.median(new double[] {7}));
  }

  @Test
  void spreadIsRelative() {
    assertEquals(2 / 3.0, Statistics.spread(SAMPLES), 1e-12);
    assertEquals(0, Statistics.spread(new double[] {7}));
  }
}
