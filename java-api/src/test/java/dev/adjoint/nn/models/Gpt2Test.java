package dev.adjoint.nn.models;

import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.Adjoint;
import dev.adjoint.DType;
import dev.adjoint.DTypeMismatchException;
import dev.adjoint.Device;
import dev.adjoint.Precision;
import dev.adjoint.Reference;
import dev.adjoint.Shape;
import dev.adjoint.ShapeMismatchException;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import dev.adjoint.nn.Init;
import dev.adjoint.optim.AdamW;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(Reference.class)
class Gpt2Test {
  private static final Gpt2.Config TINY = new Gpt2.Config(11, 6, 2, 2, 8, 0, true);

  @Test
  void namesAndSizesAreThoseOfTheOriginal() {
    try (Gpt2 gpt = new Gpt2(TINY)) {
      Set<String> names = gpt.namedParameters().keySet();
      assertEquals(2 + 2 * 12 + 2, names.size());
      assertTrue(
          names.containsAll(
              Set.of(
                  "wte.weight",
                  "wpe.weight",
                  "h.0.ln_1.weight",
                  "h.0.attn.c_attn.bias",
                  "h.1.attn.c_proj.weight",
                  "h.1.ln_2.bias",
                  "h.1.mlp.c_fc.weight",
                  "h.1.mlp.c_proj.bias",
                  "ln_f.weight")));
      long c = 8;
      long block = 2 * 2 * c + (3 * c * c + 3 * c) + (c * c + c) + (8 * c * c + 5 * c);
      assertEquals(11 * c + 6 * c + 2 * block + 2 * c, gpt.numParameters());
    }
  }

  @Test
  void residualProjectionsBeginSmaller() {
    Gpt2.Config config = new Gpt2.Config(11, 6, 8, 2, 32, 0, true);
    try (Gpt2 gpt = new Gpt2(config)) {
      var parameters = gpt.namedParameters();
      assertEquals(0.02, std(parameters.get("h.0.mlp.c_fc.weight")), 0.001);
      assertEquals(0.005, std(parameters.get("h.0.mlp.c_proj.weight")), 0.0005);
      assertEquals(0, std(parameters.get("h.0.mlp.c_fc.bias")));
      assertEquals(1, std(parameters.get("h.0.ln_1.weight")));
    }
  }

  private static double std(@Nullable Tensor x) {
    return Math.sqrt(requireNonNull(x).detach().square().mean().item());
  }

  @Test
  void logitsDependOnThePastAlone() {
    try (Gpt2 gpt = new Gpt2(TINY)) {
      Tensor logits = gpt.apply(Tensor.of(new long[][] {{1, 2, 3, 4}, {1, 2, 5, 6}}));
      assertEquals(Shape.of(2, 4, 11), logits.shape());
      assertArrayEquals(
          logits.select(0, 0).slice(0, 0, 2).toFloatArray(),
          logits.select(0, 1).slice(0, 0, 2).toFloatArray());
    }
  }

  @Test
  void learnsASequenceByHeart() {
    try (Gpt2 gpt = new Gpt2(TINY);
        AdamW optimizer = new AdamW(gpt.parameters(), 0.02)) {
      Tensor x = Tensor.of(new long[][] {{1, 2, 3, 4, 5, 6}});
      Tensor y = Tensor.of(new long[][] {{2, 3, 4, 5, 6, 7}});
      assertEquals(Math.log(11), gpt.loss(x, y).item(), 0.3);
      for (int i = 0; i < 30; i++) {
        optimizer.zeroGrad();
        gpt.loss(x, y).backward();
        optimizer.step();
      }
      assertTrue(gpt.loss(x, y).item() < 0.1);
    }
  }

  @Test
  void activationsOfBf16LeaveParametersAndLossAsTheyAre() {
    try (Gpt2 gpt = new Gpt2(TINY.withActivations(DType.BF16))) {
      Tensor x = Tensor.of(new long[][] {{1, 2, 3, 4, 5, 6}});
      assertTrue(
          requireNonNull(
                  assertThrows(DTypeMismatchException.class, () -> gpt.apply(x)).getMessage())
              .contains("Precision.BF16"));
      try (var _ = Precision.BF16.use()) {
        assertEquals(DType.BF16, gpt.apply(x).dtype());
        Tensor loss = gpt.loss(x, x);
        assertEquals(DType.F32, loss.dtype());
        loss.backward();
      }
      gpt.parameters().forEach(p -> assertEquals(DType.F32, requireNonNull(p.grad()).dtype()));
    }
    assertThrows(TensorException.class, () -> TINY.withActivations(DType.F16));
  }

  @Test
  void activationsOfBf16TakeHalfTheMemory() {
    Gpt2.Config config = new Gpt2.Config(64, 16, 2, 2, 64, 0, true);
    try (Gpt2 wide = new Gpt2(config);
        Gpt2 narrow = new Gpt2(config.withActivations(DType.BF16));
        var _ = Precision.BF16.use()) {
      assertEquals(0.5, (double) keptForBackward(narrow) / keptForBackward(wide), 0.05);
    }
  }

  private static long keptForBackward(Gpt2 gpt) {
    Tensor x = Tensor.arange(64).reshape(4, 16);
    long before = Adjoint.memory(Device.REFERENCE).liveBytes();
    try (Tensor _ = gpt.loss(x, x)) {
      return Adjoint.memory(Device.REFERENCE).liveBytes() - before;
    }
  }

  /** Nothing on the way is of a fixed type. */
  @Test
  void itComputesInTheTypeOfItsParameters() {
    try (Gpt2 gpt = Init.as(DType.F64, () -> new Gpt2(TINY))) {
      Tensor tokens = Tensor.arange(6).reshape(1, 6);
      Tensor wide = gpt.apply(tokens).detach();
      assertEquals(DType.F64, wide.dtype());
      gpt.loss(tokens, tokens).backward();
      assertTrue(
          gpt.parameters().stream().allMatch(p -> requireNonNull(p.grad()).dtype() == DType.F64));
      gpt.to(DType.F32);
      Tensor narrow = gpt.apply(tokens).detach();
      assertEquals(DType.F32, narrow.dtype());
      assertArrayEquals(wide.toDoubleArray(), narrow.toDoubleArray(), 1e-5);
    }
  }

  @Test
  void tooLongOrMisshapenInputsAreNamed() {
    try (Gpt2 gpt = new Gpt2(TINY)) {
      assertEquals(
          "gpt2: a sequence of 7 tokens is longer than the context of 6; give the last 6",
          assertThrows(ShapeMismatchException.class, () -> gpt.apply(Tensor.of(new long[1][7])))
              .getMessage());
      assertThrows(ShapeMismatchException.class, () -> gpt.apply(Tensor.of(new long[3])));
    }
    assertThrows(TensorException.class, () -> new Gpt2.Config(11, 6, 0, 2, 8, 0, true));
  }

  @Test
  void presetsHaveTheKnownNumberOfParameters() {
    assertEquals(124_439_808, parameters(Gpt2.Config.gpt2()));
    assertEquals(354_823_168, parameters(Gpt2.Config.gpt2Medium()));
    assertEquals(774_030_080, parameters(Gpt2.Config.gpt2Large()));
    assertEquals(1_557_611_200, parameters(Gpt2.Config.gpt2Xl()));
  }

  /** By the formula that the first test holds the model to. */
  private static long parameters(Gpt2.Config config) {
    long c = config.channels();
    return (config.vocabulary() + config.context()) * c
        + config.layers() * (12 * c * c + 13 * c)
        + 2 * c;
  }
}
