package dev.adjoint.spi;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import dev.adjoint.Shape;
import org.junit.jupiter.api.Test;

class IterationTest {
  private static Layout dense(long... sizes) {
    return Layout.contiguous(Shape.of(sizes));
  }

  private static void assertPacked(long[] expected, Layout... layouts) {
    assertArrayEquals(expected, Iteration.pack(1, layouts));
  }

  @Test
  void denseViewsAreOneLoop() {
    assertPacked(new long[] {0, 1, 24, 1, 1}, dense(2, 3, 4), dense(2, 3, 4));
  }

  @Test
  void nothingAndOneElementAreOneLoopToo() {
    assertPacked(new long[] {0, 1, 1, 1}, dense());
    assertPacked(new long[] {0, 1, 0, 1}, dense(3, 0));
    Layout one = Layout.of(Shape.of(1, 1), new long[] {5, 9}, 2);
    assertPacked(new long[] {0, 1, 1, 1, 1}, one, dense(1, 1));
  }

  @Test
  void aBroadcastRowKeepsTwoLoops() {
    Layout row = dense(4).expand(Shape.of(2, 3, 4));
    assertPacked(new long[] {0, 2, 6, 4, 4, 1, 0, 1}, dense(2, 3, 4), row);
  }

  @Test
  void aBroadcastScalarIsOneLoop() {
    Layout scalar = dense().expand(Shape.of(2, 3));
    assertPacked(new long[] {0, 1, 6, 1, 0}, dense(2, 3), scalar);
  }

  @Test
  void dimensionsOfSizeOneDoNotSeparate() {
    Layout cut = dense(2, 3, 8).slice(2, 0, 4, 1).reshape(Shape.of(2, 1, 3, 4));
    assertNotNull(cut);
    assertPacked(new long[] {0, 2, 6, 4, 4, 1, 8, 1}, dense(2, 1, 3, 4), cut);
  }

  @Test
  void everyViewMustAgreeToMerge() {
    Layout transposed = dense(3, 2).transpose(0, 1);
    assertPacked(new long[] {0, 2, 2, 3, 3, 1, 1, 2}, dense(2, 3), transposed);
    assertPacked(new long[] {0, 2, 2, 3, 1, 2}, transposed);
  }
}
