package dev.adjoint.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class AccuracyTest {
  @Test
  void knownValues() {
    assertEquals(0.8427007929497149, Accuracy.exact("erf").applyAsDouble(1), 1e-15);
    assertEquals(-0.9953222650189527, Accuracy.exact("erf").applyAsDouble(-2), 1e-15);
    assertEquals(0.9999779095030014, Accuracy.exact("erf").applyAsDouble(3), 1e-15);
    // 2.5 erfc(2.5 / √2) / 2: the tail has full relative precision.
    double tail = Accuracy.exact("gelu").applyAsDouble(-5);
    assertEquals(-1.4332578593963e-6, tail, 1e-18);
    assertEquals(0.7310585786300049, Accuracy.exact("silu").applyAsDouble(1), 1e-15);
  }

  @Test
  void anErrorOfOneUnit() {
    OpCase c = new OpCase("tanh", List.of(4L), false, true);
    double[] result = new double[4];
    for (int i = 0; i < 4; i++) {
      result[i] = (float) Math.tanh(c.inputs().getFirst().value(0, i));
    }
    assertEquals(0, Accuracy.ofFunction(c, result).error());
    result[2] = Math.nextUp((float) result[2]);
    double error = Accuracy.ofFunction(c, result).error();
    assertTrue(error > 0.4 && error < 1.6, () -> "" + error);
    result[2] = Double.NaN;
    assertTrue(Double.isNaN(Accuracy.ofFunction(c, result).error()));
  }

  @Test
  void aProduct() {
    GemmCase c = new GemmCase("f32", 2, 2, 3);
    double[] result = new double[4];
    for (int i = 0; i < 4; i++) {
      for (int k = 0; k < 3; k++) {
        result[i] += (double) Inputs.value(0, i / 2 * 3 + k) * Inputs.value(1, k * 2 + i % 2);
      }
    }
    assertTrue(Accuracy.ofProduct(c, result).error() < 1e-6);
    result[3] += 1;
    assertEquals("element 3", Accuracy.ofProduct(c, result).at());
  }
}
