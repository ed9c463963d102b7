package dev.adjoint.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.Adjoint;
import dev.adjoint.DType;
import dev.adjoint.Device;
import dev.adjoint.Expect;
import dev.adjoint.Reference;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import dev.adjoint.nn.Init.Fan;
import dev.adjoint.nn.Init.Gain;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(Reference.class)
class InitTest {
  /** [out, in]. */
  private static final long[] WEIGHT = {150, 200};

  @Test
  void variancesFollowTheFans() {
    Tensor weight = Tensor.zeros(WEIGHT);
    assertStd(Math.sqrt(2.0 / 350), Init.xavierNormal_(weight, Gain.LINEAR));
    assertStd(Math.sqrt(2.0 / 350), Init.xavierUniform_(weight, Gain.LINEAR));
    assertStd(Math.sqrt(2.0 / 200), Init.kaimingNormal_(weight, Fan.IN, Gain.RELU));
    assertStd(Math.sqrt(2.0 / 150), Init.kaimingUniform_(weight, Fan.OUT, Gain.RELU));
    assertStd(0.5, Init.normal_(weight, 0, 0.5));
  }

  @Test
  void windowsOfConvolutionsCountInTheFan() {
    Tensor weight = Tensor.zeros(40, 10, 5, 5);
    assertStd(Math.sqrt(1.0 / 250), Init.kaimingNormal_(weight, Fan.IN, Gain.LINEAR));
  }

  @Test
  void constantsAreExact() {
    assertEquals(3, Init.constant_(Tensor.zeros(2), 3).get(1));
    assertEquals(1, Init.ones_(Tensor.zeros(2)).get(0));
    assertEquals(0, Init.zeros_(Tensor.ones(2)).get(0));
  }

  @Test
  void parametersKeepWantingGradients() {
    try (Linear linear = new Linear(2, 2)) {
      assertTrue(Init.normal_(linear.weight(), 0, 1).requiresGrad());
      assertTrue(linear.weight().isLeaf());
    }
  }

  /** Against the distribution function at the quantiles, by Kolmogorov's distance. */
  @Test
  void truncatedNormalHasTheTruncatedDistribution() {
    double mean = 1;
    double std = 2;
    double[][] intervals = {{-3, 5}, {1, 2}, {4, 9}, {-40, 40}};
    for (double[] bounds : intervals) {
      double low = bounds[0];
      double high = bounds[1];
      Tensor x = Tensor.zeros(20_000);
      double[] values = Init.truncatedNormal_(x, mean, std, low, high).toDoubleArray();
      Arrays.sort(values);
      assertTrue(values[0] >= low && values[values.length - 1] <= high);
      Tensor phi = Tensor.of(values).sub(mean).div(std * Math.sqrt(2)).erf();
      double from = Tensor.of((low - mean) / (std * Math.sqrt(2))).erf().item();
      double to = Tensor.of((high - mean) / (std * Math.sqrt(2))).erf().item();
      double[] quantiles = phi.sub(from).div(to - from).toDoubleArray();
      for (int i = 0; i < quantiles.length; i++) {
        assertEquals((double) i / quantiles.length, quantiles[i], 0.015);
      }
    }
  }

  @Test
  void badArgumentsAreNamed() {
    Tensor x = Tensor.zeros(2);
    assertThrows(TensorException.class, () -> Init.truncatedNormal_(x, 0, 1, 2, 2));
    assertThrows(TensorException.class, () -> Init.truncatedNormal_(x, 0, 0, 1, 2));
    assertThrows(TensorException.class, () -> Init.xavierNormal_(x, Gain.LINEAR));
    Tensor empty = Tensor.full(Shape.of(0, 3), 0);
    assertThrows(TensorException.class, () -> Init.kaimingNormal_(empty, Fan.IN, Gain.LINEAR));
  }

  private static void assertStd(double expected, Tensor actual) {
    double[] values = actual.toDoubleArray();
    double squares = Arrays.stream(values).map(v -> v * v).sum() / values.length;
    assertEquals(expected, Math.sqrt(squares), 0.03 * expected);
    assertEquals(0, Arrays.stream(values).average().orElseThrow(), 0.05 * expected);
  }

  @Test
  void skippingLeavesOutOnlyTheRandomValues() {
    Adjoint.manualSeed(3);
    try (Linear drawn = new Linear(4, 3);
        LayerNorm norm = Init.skip(() -> new LayerNorm(2, 1e-5, true))) {
      Tensor after = Tensor.rand(2);
      Adjoint.manualSeed(3);
      try (Linear skipped = Init.skip(() -> new Linear(4, 3))) {
        assertEquals(0, skipped.weight().abs().sum().item());
        assertTrue(drawn.weight().abs().sum().item() > 0);
        assertEquals(1, norm.parameters().get(0).get(0));
        Expect.values(after.sub(Tensor.rand(2)), 0, 0); // the generator goes on alike
        skipped.loadStateDict(drawn.stateDict());
        Expect.values(skipped.weight().sub(drawn.weight()).abs().sum(), 0);
      }
      assertThrows(
          IllegalStateException.class,
          () ->
              Init.skip(
                  () -> {
                    throw new IllegalStateException("thrown on purpose");
                  }));
      assertTrue(Init.uniform_(Tensor.zeros(2), 1, 2).get(0) >= 1);
    }
  }

  @Test
  void modulesAreMadeInTheWantedType() {
    try (Linear wide = Init.as(DType.F64, () -> new Linear(20, 30));
        Sequential nested =
            Init.as(
                DType.BF16,
                () ->
                    new Sequential(new LayerNorm(4), Init.as(DType.F32, () -> new Linear(4, 4))))) {
      assertTrue(wide.parameters().stream().allMatch(p -> p.dtype() == DType.F64));
      Tensor weight = wide.weight().detach();
      // Drawn in F64, not rounded to F32 on the way.
      assertNotEquals(0, weight.sub(weight.to(DType.F32).to(DType.F64)).abs().max().item());
      assertEquals(
          List.of(DType.BF16, DType.BF16, DType.F32, DType.F32),
          nested.parameters().stream().map(Tensor::dtype).toList());
      try (Linear after = new Linear(1, 1)) {
        assertEquals(DType.F32, after.weight().dtype());
      }
    }
    Expect.failure(
        TensorException.class, () -> Init.as(DType.I64, () -> new Linear(1, 1)), "floating", "I64");
  }

  /** As if an F32 module were converted. */
  @Test
  void sixteenBitsAreTheNumbersOfF32Rounded() {
    Adjoint.manualSeed(3);
    try (Embedding narrow = Init.as(DType.F16, () -> new Embedding(5, 4))) {
      Adjoint.manualSeed(3);
      try (Embedding wide = new Embedding(5, 4)) {
        wide.to(DType.F16);
        assertArrayEquals(wide.weight().toDoubleArray(), narrow.weight().toDoubleArray());
        assertTrue(wide.weight().detach().to(DType.F32).abs().max().item() > 0);
      }
    }
  }

  @Test
  void modulesAreMadeOnTheWantedDevice() {
    Device missing = new Device("missing", "");
    Expect.failure(
        TensorException.class, () -> Init.on(missing, () -> new Linear(1, 1)), "missing");
    try (Linear linear = Init.on(Device.REFERENCE, () -> new Linear(1, 1))) {
      assertEquals(Device.REFERENCE, linear.weight().device());
    }
  }

  private static final class Scaled extends Layer {
    private final Parameter scale = parameter("scale", Init.ones(3));
    private final Parameter shift = parameter("shift", Init.zeros(3));

    @Override
    public Tensor forward(Tensor x) {
      return x.mul(scale.get()).add(shift.get());
    }
  }

  @Test
  void modulesOfUsersAreMadeInTheWantedTypeToo() {
    try (Scaled scaled = Init.as(DType.F64, Scaled::new)) {
      assertEquals(DType.F64, scaled.apply(Tensor.of(new double[] {1, 2, 3})).dtype());
    }
  }
}
