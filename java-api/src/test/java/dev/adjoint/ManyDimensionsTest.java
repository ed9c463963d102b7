package dev.adjoint;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** As many dimensions as a tensor can have, and one more. */
@ExtendWith(Reference.class)
class ManyDimensionsTest {
  private static final int MOST = 64;

  /** Every eighth dimension has two elements. */
  private static Shape shape() {
    long[] sizes = new long[MOST];
    Arrays.setAll(sizes, d -> d % 8 == 0 ? 2 : 1);
    return Shape.of(sizes);
  }

  @Test
  void asManyAsThereCanBe() {
    Shape shape = shape();
    try (var _ = Scope.open()) {
      Tensor x = Tensor.arange(shape.numel()).reshape(shape.toArray()).to(DType.F32);
      Tensor last = x.transpose(0, MOST - 8);
      assertEquals(MOST, last.rank());
      assertEquals(x.sum().item(), x.add(last).sum().item() / 2);
      assertEquals(MOST, x.sum(true, 0, MOST - 8).rank());
      Expect.shape(x.expand(x.shape().toArray()).reshape(-1), shape.numel());
      assertEquals("tensor(" + "[".repeat(MOST), x.toString().substring(0, 7 + MOST));
    }
  }

  @Test
  void moreAreRefused() {
    long[] sizes = new long[10_000];
    Arrays.fill(sizes, 1);
    refused(() -> Shape.of(sizes), "10000 dimensions");
    refused(() -> Tensor.zeros(sizes), "10000 dimensions");
    try (Tensor x = Tensor.zeros(shape().toArray())) {
      refused(() -> x.unsqueeze(0), "65 dimensions");
      refused(() -> x.expand(Arrays.copyOf(sizes, MOST + 1)), "65 dimensions");
      refused(() -> x.reshape(Arrays.copyOf(sizes, MOST + 1)), "65 dimensions");
    }
  }

  private static void refused(Runnable code, String message) {
    Expect.failure(TensorException.class, code::run, "shape: " + message, "more than the 64");
  }
}
