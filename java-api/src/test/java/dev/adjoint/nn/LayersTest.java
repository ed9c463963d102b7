package dev.adjoint.nn;

import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.DType;
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

  /** One head after another and position by position, from the layer's own weights. */
  @Test
  void attentionIsItsDefinition() {
    int length = 4;
    int channels = 6;
    int heads = 2;
    int width = channels / heads;
    try (CausalSelfAttention attention = new CausalSelfAttention(channels, heads, 0, true)) {
      Map<String, Tensor> state = attention.stateDict();
      Tensor x = Tensor.randn(1, length, channels);
      double[][] qkv = rows(x.reshape(length, channels), state, "c_attn");
      double[][] joined = new double[length][channels];
      for (int head = 0; head < heads; head++) {
        for (int t = 0; t < length; t++) {
          double[] weights = new double[t + 1];
          double total = 0;
          for (int s = 0; s <= t; s++) {
            double score = 0;
            for (int i = head * width; i < (head + 1) * width; i++) {
              score += qkv[t][i] * qkv[s][channels + i];
            }
            weights[s] = Math.exp(score / Math.sqrt(width));
            total += weights[s];
          }
          for (int s = 0; s <= t; s++) {
            for (int i = head * width; i < (head + 1) * width; i++) {
              joined[t][i] += weights[s] / total * qkv[s][2 * channels + i];
            }
          }
        }
      }
      double[][] expected = rows(Tensor.of(joined).to(DType.F32), state, "c_proj");
      for (int t = 0; t < length; t++) {
        assertClose(expected[t], attention.apply(x).select(0, 0).select(0, t));
      }
    }
  }

  /** The rows of x through a linear layer. */
  private static double[][] rows(Tensor x, Map<String, Tensor> state, String layer) {
    Tensor weight = requireNonNull(state.get(layer + ".weight"));
    Tensor y = x.matmul(weight.t()).add(requireNonNull(state.get(layer + ".bias")));
    double[][] rows = new double[(int) y.size(0)][];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = y.select(0, i).toDoubleArray();
    }
    return rows;
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
