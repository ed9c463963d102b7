package dev.adjoint.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.Adjoint;
import dev.adjoint.DType;
import dev.adjoint.Device;
import dev.adjoint.Precision;
import dev.adjoint.Scope;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.nn.models.Gpt2;
import dev.adjoint.optim.AdamW;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A small GPT learns the same on a GPU, simulated or not, as on the reference. */
@Tag("device")
class CudaTrainingTest {
  private static final int STEPS = 12;

  /** Dropout and initial values draw from random numbers that are equal on every device. */
  private static double[] losses(Device device, DType activations) {
    Adjoint.setDefaultDevice(device); // where modules make their parameters
    Adjoint.manualSeed(5);
    double[] losses = new double[STEPS];
    Precision precision = activations == DType.BF16 ? Precision.BF16 : Precision.F32;
    Gpt2.Config config = new Gpt2.Config(17, 16, 2, 2, 32, 0.1, true);
    try (var _ = Scope.open();
        var _ = precision.use();
        Gpt2 model = new Gpt2(config.withActivations(activations));
        AdamW optimizer = new AdamW(model.parameters(), 3e-3)) {
      Tensor tokens =
          Tensor.of(
              LongStream.range(0, 32).map(i -> i * i % 17).toArray(), Shape.of(2, 16), device);
      for (int i = 0; i < STEPS; i++) {
        losses[i] =
            Scope.tidy(
                    () -> {
                      optimizer.zeroGrad();
                      Tensor loss = model.loss(tokens, tokens);
                      loss.backward();
                      optimizer.step();
                      return loss;
                    })
                .item();
      }
    }
    return losses;
  }

  private static void compare(DType activations, double tolerance) {
    double[] expected = losses(Device.REFERENCE, activations);
    double[] found = losses(new Device("cuda", "0"), activations);
    assertArrayEquals(expected, found, tolerance);
    assertTrue(found[STEPS - 1] < 0.9 * found[0], () -> "did not learn: " + found[STEPS - 1]);
  }

  @Test
  void theLossCurvesAreTheSame() {
    compare(DType.F32, 1e-3);
  }

  /**
   * Neighbouring numbers differ by a 256th, and sums that differ in F32 may round to neighbours.
   */
  @Test
  void theLossCurvesAreNearWithActivationsOfBf16() {
    compare(DType.BF16, 5e-3);
  }
}
