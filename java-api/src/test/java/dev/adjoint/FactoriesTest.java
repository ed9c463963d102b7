package dev.adjoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(Reference.class)
class FactoriesTest {
  private static final Device DEVICE = Device.REFERENCE;

  @Test
  void typesFollowTheJavaArray() {
    assertEquals(DType.F32, Tensor.of(1f).dtype());
    assertEquals(DType.F32, Tensor.of(new float[] {1}).dtype());
    assertEquals(DType.F64, Tensor.of(1.0).dtype());
    assertEquals(DType.F64, Tensor.of(new double[][] {{1}}).dtype());
    assertEquals(DType.I64, Tensor.of(new long[] {1}).dtype());
    assertEquals(DType.I64, Tensor.of(new long[][] {{1}}).dtype());
    assertEquals(DType.I32, Tensor.of(new int[] {1}).dtype());
    assertEquals(DType.BOOL, Tensor.of(new boolean[] {true}).dtype());
  }

  @Test
  void nestedArraysAreRowMajor() {
    Tensor x = Tensor.of(new float[][][] {{{1, 2}, {3, 4}}, {{5, 6}, {7, 8}}});
    Expect.shape(x, 2, 2, 2);
    Expect.values(x, 1, 2, 3, 4, 5, 6, 7, 8);
    Expect.values(Tensor.of(new double[][] {{1, 2}, {3, 4}}), 1, 2, 3, 4);
    Expect.values(Tensor.of(new double[][][] {{{1}}, {{2}}}), 1, 2);
    Expect.values(Tensor.of(new long[][] {{1, 2, 3}}), 1, 2, 3);
  }

  @Test
  void raggedArraysAreRefused() {
    Expect.failure(
        ShapeMismatchException.class,
        () -> Tensor.of(new float[][] {{1, 2}, {3}}),
        "ragged",
        "1 elements in dimension 1",
        "first row has 2");
    Expect.failure(
        ShapeMismatchException.class, () -> Tensor.of(new float[][] {{}, {3}}), "ragged");
  }

  @Test
  void emptyArrays() {
    Expect.shape(Tensor.of(new float[0]), 0);
    Expect.shape(Tensor.of(new float[][] {{}, {}}), 2, 0);
    Expect.shape(Tensor.of(new float[0][]), 0, 0);
  }

  @Test
  void valuesMustFitTheShape() {
    Expect.failure(
        ShapeMismatchException.class,
        () -> Tensor.of(new float[] {1, 2, 3}, Shape.of(2, 2), DEVICE),
        "3 values",
        "[2, 2]");
  }

  @Test
  void filled() {
    Expect.values(Tensor.zeros(2, 2), 0, 0, 0, 0);
    Expect.values(Tensor.ones(3), 1, 1, 1);
    Expect.values(Tensor.full(Shape.scalar(), 7), 7);
    Expect.shape(Tensor.zeros(), new long[0]);
    Expect.values(Tensor.full(Shape.of(2), -3, DType.I32, DEVICE), -3, -3);
    Expect.values(Tensor.full(Shape.of(2), 1, DType.BOOL, DEVICE), 1, 1);
    Tensor like = Tensor.of(new long[][] {{1, 2}}).zerosLike();
    assertEquals(DType.I64, like.dtype());
    Expect.values(like, 0, 0);
  }

  @Test
  void arange() {
    assertArrayEquals(new long[] {0, 1, 2, 3}, Tensor.arange(4).toLongArray());
    Expect.values(Tensor.arange(3, DType.F64, DEVICE), 0, 1, 2);
    Expect.shape(Tensor.arange(0), 0);
    Expect.failure(TensorException.class, () -> Tensor.arange(-1), "arange", "-1");
    Expect.failure(OutOfMemoryException.class, () -> Tensor.arange(1L << 40), "8.0 TiB");
  }

  @Test
  void randomShapes() {
    Expect.shape(Tensor.rand(2, 3), 2, 3);
    Expect.shape(Tensor.randn(4), 4);
    Expect.shape(Tensor.randn(), new long[0]);
    Expect.shape(Tensor.rand(3, 0), 3, 0);
  }

  @Test
  void scalarsKeepTheirType() {
    Tensor large = Tensor.of(16777217L);
    assertEquals(DType.I64, large.dtype());
    assertEquals(16777217, large.toLongArray()[0]);
    assertEquals(DType.I32, Tensor.of(16777217).dtype());
    Expect.values(Tensor.of(16777217), 16777217);
    assertEquals(DType.BOOL, Tensor.of(true).dtype());
    Expect.values(Tensor.of(true), 1);
    assertEquals(DType.F32, Tensor.of(2f).dtype());
    assertEquals(DType.F64, Tensor.of(2.0).dtype());
    for (Tensor x : List.of(large, Tensor.of(1), Tensor.of(false), Tensor.of(1f), Tensor.of(1.0))) {
      Expect.shape(x, new long[0]);
    }
  }

  @Test
  void theArrayIsCopied() {
    float[] values = {1, 2};
    Tensor x = Tensor.of(values);
    values[0] = 9;
    Expect.values(x, 1, 2);
  }

  @Test
  void whatItIs() {
    Tensor x = Tensor.zeros(2, 3);
    assertEquals(2, x.rank());
    assertEquals(6, x.numel());
    assertEquals(3, x.size(-1));
    assertEquals(2, x.size(0));
    assertEquals(DEVICE, x.device());
    assertFalse(x.requiresGrad());
    Expect.failure(
        IndexOutOfRangeException.class, () -> x.size(2), "size", "dimension 2", "rank 2");
    Expect.failure(IndexOutOfRangeException.class, () -> x.size(-3), "-3");
  }

  @Test
  void impossibleShapes() {
    Expect.failure(TensorException.class, () -> Tensor.zeros(2, -1), "negative", "[2, -1]");
    Expect.failure(
        TensorException.class,
        () -> Tensor.zeros(1L << 40, 1L << 40),
        "2^56 elements",
        "1099511627776");
    Expect.failure(TensorException.class, () -> Shape.of(Long.MAX_VALUE), "2^56 elements");
    Expect.failure(
        TensorException.class, () -> Shape.of(0, 1L << 40, 1L << 40), "sizes of 0 counted as 1");
    assertEquals(0, Shape.of(0, Shape.MAX_ELEMENTS).numel());
    Expect.failure(
        OutOfMemoryException.class,
        () -> Tensor.full(Shape.of(Shape.MAX_ELEMENTS), 0, DType.F64, DEVICE),
        "budget");
  }

  @Test
  void devices() {
    assertEquals(new Device("cpu", "x86-64-v2"), Device.of("cpu:x86-64-v2"));
    assertEquals("cuda:0", Device.of("cuda:0").toString());
    assertEquals("reference", Device.REFERENCE.toString());
    Expect.failure(TensorException.class, () -> Device.of("gpu"), "'gpu'", "cuda:<number>");
  }
}
