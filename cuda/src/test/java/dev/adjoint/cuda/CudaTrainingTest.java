package dev.adjoint.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.Adjoint;
import dev.adjoint.Device;
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
  private static double[] losses(Device device) {
    Adjoint.setDefaultDevice(device); // where modules make their parameters
    Adjoint.manualSeed(5);
    double[] losses = new double[STEPS];
    try (var _ = Scope.open();
        Gpt2 model = new Gpt2(new Gpt2.Config(17, 16, 2, 2, 32, 0.1, true));
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

  @Test
  void theLossCurvesAreTheSame() {
    double[] expected = losses(Device.REFERENCE);
    double[] found = losses(new Device("cuda", "0"));
    assertArrayEquals(expected, found, 1e-3);
    assertTrue(found[STEPS - 1] < 0.9 * found[0], () -> "did not learn: " + found[STEPS - 1]);
  }
}
