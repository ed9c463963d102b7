package dev.adjoint.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.IndexOutOfRangeException;
import dev.adjoint.Reference;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import java.util.Map;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(Reference.class)
class LayersTest {
  @Test
  void linearIsMatrixTimesVectorPlusBias() {
    try (Linear linear = new Linear(2, 3);
        Linear plain = new Linear(2, 3, false)) {
      linear.loadStateDict(
          Map.of(
              "weight", Tensor.of(new float[][] {{1, 2}, {3, 4}, {5, 6}}),
              "bias", Tensor.of(new float[] {10, 20, 30})));
      assertArrayEquals(
          new float[] {21, 45, 69}, linear.apply(Tensor.of(new float[] {3, 4})).toFloatArray());
      assertEquals(Shape.of(2, 5, 3), linear.apply(Tensor.zeros(2, 5, 2)).shape());
      assertEquals(Shape.of(0, 3), linear.apply(Tensor.zeros(0, 2)).shape());
      assertNull(plain.bias());
    }
  }

  @Test
  void linearBeginsWithinItsBound() {
    try (Linear linear = new Linear(16, 100)) {
      double largest = linear.weight().detach().abs().max().item();
      assertTrue(largest <= 0.25 && largest > 0.24, () -> "largest " + largest);
    }
  }

  @Test
  void normsNormalise() {
    try (LayerNorm layerNorm = new LayerNorm(4);
        RmsNorm rmsNorm = new RmsNorm(4)) {
      Tensor x = Tensor.of(new float[] {1, 2, 3, 6});
      double sd = Math.sqrt((4 + 1 + 0 + 9) / 4.0 + 1e-5);
      assertClose(new double[] {-2 / sd, -1 / sd, 0, 3 / sd}, layerNorm.apply(x));
      double rms = Math.sqrt(50 / 4.0 + 1e-5);
      assertClose(new double[] {1 / rms, 2 / rms, 3 / rms, 6 / rms}, rmsNorm.apply(x));
    }
  }

  @Test
  void embeddingLooksUpRowsAndChecksIndices() {
    try (Embedding embedding = new Embedding(3, 2)) {
      Tensor rows = embedding.apply(Tensor.of(new long[][] {{2, 0}, {1, 2}}));
      assertEquals(Shape.of(2, 2, 2), rows.shape());
      assertEquals(embedding.weight().get(1, 1), rows.get(1, 0, 1));
      Tensor outside = Tensor.of(new long[] {3});
      assertThrows(IndexOutOfRangeException.class, () -> embedding.apply(outside));
    }
  }

  @Test
  void activationsAreTheirFunctions() {
    assertActivation(Activation.relu(), x -> Math.max(x, 0));
    assertActivation(Activation.sigmoid(), x -> 1 / (1 + Math.exp(-x)));
    assertActivation(Activation.silu(), x -> x / (1 + Math.exp(-x)));
    assertActivation(Activation.tanh(), Math::tanh);
    assertActivation(
        Activation.geluTanh(),
        x -> x / 2 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x))));
    assertActivation(Activation.of("square", Tensor::square), x -> x * x);
  }

  private static void assertActivation(Activation activation, DoubleUnaryOperator function) {
    double[] x = {-3, -0.5, 0, 0.5, 3};
    double[] expected = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      expected[i] = function.applyAsDouble(x[i]);
    }
    assertArrayEquals(expected, activation.apply(Tensor.of(x)).toDoubleArray(), 1e-12);
  }

  @Test
  void attentionSeesNoFuture() {
    try (CausalSelfAttention attention = new CausalSelfAttention(8, 2, 0, true)) {
      Tensor x = Tensor.randn(1, 5, 8);
      Tensor changed = x.copy();
      changed.slice(1, 3, 5).fill_(9);
      double[] before = attention.apply(x).slice(1, 0, 3).toDoubleArray();
      double[] after = attention.apply(changed).slice(1, 0, 3).toDoubleArray();
      assertArrayEquals(before, after);
    }
    assertThrows(TensorException.class, () -> new CausalSelfAttention(8, 3, 0, true));
  }

  @Test
  void dropoutNeedsAProbability() {
    assertThrows(TensorException.class, () -> new Dropout(1));
    assertThrows(TensorException.class, () -> new Dropout(Double.NaN));
  }

  private static void assertClose(double[] expected, Tensor actual) {
    assertArrayEquals(expected, actual.toDoubleArray(), 1e-6);
  }
}
