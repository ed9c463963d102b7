package dev.adjoint;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.adjoint.autograd.CapturedStep;
import dev.adjoint.ops.Losses;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Messages name the index, its position and the range; nothing is left behind. */
@ExtendWith(Reference.class)
class IndexErrorsTest {
  private static Tensor table() {
    return Tensor.arange(6, DType.F32, Device.REFERENCE).reshape(3, 2);
  }

  private static Tensor indices(long... values) {
    return Tensor.of(values);
  }

  @Test
  void embedding() {
    Expect.values(table().embedding(indices(2, 0, 2)), 4, 5, 0, 1, 4, 5);
    Expect.shape(table().embedding(indices(0, 1).reshape(2, 1)), 2, 1, 2);
    Expect.values(table().embedding(Tensor.of(new int[] {1})), 2, 3);
    Expect.values(table().t().copy().t().embedding(indices(1)), 2, 3);
    Expect.failure(
        IndexOutOfRangeException.class,
        () -> table().embedding(indices(0, 3, 1)),
        "embedding: the index at position 1 is 3, must be in [0, 3)");
    Expect.failure(
        IndexOutOfRangeException.class,
        () -> table().embedding(indices(0, 1, -1).reshape(3, 1)),
        "position 2 is -1");
    Expect.failure(TensorException.class, () -> table().embedding(table()), "I64 or I32", "F32");
    Expect.failure(
        TensorException.class, () -> Tensor.ones(3).embedding(indices(0)), "[rows, width]", "[3]");
  }

  @Test
  void embeddingGradientsOfRepeatedRowsAddUp() {
    Tensor weights = table().detach().requiresGrad_(true);
    weights.embedding(indices(2, 0, 2)).sum().backward();
    Expect.values(weights.grad(), 1, 1, 0, 0, 2, 2);
  }

  @Test
  void crossEntropyTargets() {
    Tensor logits = Tensor.zeros(2, 4);
    double expected = Math.log(4);
    Expect.close(1e-6, logits.crossEntropy(indices(0, 3)), expected);
    Expect.close(1e-6, logits.crossEntropy(Tensor.of(new int[] {0, 3})), expected);
    Expect.close(1e-6, Tensor.zeros(4).crossEntropy(indices(1).reshape()), expected);
    Expect.failure(
        IndexOutOfRangeException.class,
        () -> logits.crossEntropy(indices(0, 4)),
        "crossEntropy: the target at position 1 is 4, must be in [0, 4)");
    Expect.failure(
        IndexOutOfRangeException.class, () -> logits.crossEntropy(indices(-1, 0)), "0 is -1");
    Expect.failure(
        TensorException.class, () -> logits.crossEntropy(Tensor.zeros(2)), "I64 or I32", "F32");
    Expect.failure(
        ShapeMismatchException.class,
        () -> logits.crossEntropy(indices(0, 1, 2)),
        "targets",
        "[3]",
        "[2]");
  }

  @Test
  void ignoredTargetsDoNotCount() {
    Tensor logits = Tensor.of(new float[][] {{1, 2}, {3, 5}, {0, 0}}).requiresGrad_(true);
    Tensor targets = indices(0, Losses.IGNORE_INDEX, 1);
    Tensor rows = Losses.crossEntropyPerRow(logits, targets);
    assertEquals(0, rows.get(1));
    Tensor loss = logits.crossEntropy(targets);
    Expect.close(1e-6, loss, (rows.get(0) + rows.get(2)) / 2);
    loss.backward();
    Tensor grad = logits.grad();
    assertEquals(0, grad == null ? 1 : grad.get(1, 0));
    Expect.close(1e-6, grad == null ? null : grad.select(0, 2), 0.25, -0.25);
  }

  @Test
  void nothingIsLeftBehind() {
    Tensor table = table();
    Tensor bad = indices(9);
    long before = Adjoint.memory(Device.REFERENCE).liveBytes();
    Expect.failure(IndexOutOfRangeException.class, () -> table.embedding(bad), "9");
    assertEquals(before, Adjoint.memory(Device.REFERENCE).liveBytes());
  }

  @Test
  void indicesAreNamedInARecordingToo() {
    Tensor table = table();
    Tensor logits = Tensor.zeros(2, 3);
    Tensor bad = indices(0, 3);
    Expect.failure(
        IndexOutOfRangeException.class,
        () -> CapturedStep.record(Device.REFERENCE, () -> List.of(table.embedding(bad))),
        "position 1 is 3");
    Expect.failure(
        IndexOutOfRangeException.class,
        () -> CapturedStep.record(Device.REFERENCE, () -> List.of(logits.crossEntropy(bad))),
        "position 1 is 3");
  }

  @Test
  void anEmptyTableHasNoIndexAtAll() {
    Expect.failure(
        IndexOutOfRangeException.class,
        () -> Tensor.zeros(0, 2).embedding(indices(0)),
        "position 0 is 0",
        "[0, 0)");
  }
}
