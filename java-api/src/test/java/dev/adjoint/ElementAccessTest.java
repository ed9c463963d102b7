package dev.adjoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(Reference.class)
class ElementAccessTest {
  private static Tensor matrix() {
    return Tensor.of(new float[][] {{0, 1, 2}, {3, 4, 5}});
  }

  @Test
  void item() {
    assertEquals(2.5, Tensor.of(2.5).item());
    assertEquals(4, matrix().select(0, 1).slice(0, 1, 2).item());
    assertEquals(1, Tensor.of(new boolean[] {true}).item());
    Expect.failure(
        ShapeMismatchException.class, () -> matrix().item(), "item", "[2, 3]", "one element");
    Expect.failure(ShapeMismatchException.class, () -> Tensor.zeros(0).item(), "[0]");
  }

  @Test
  void get() {
    Tensor x = matrix();
    assertEquals(5, x.get(1, 2));
    assertEquals(5, x.get(-1, -1));
    assertEquals(1, x.t().get(1, 0));
    assertEquals(7, Tensor.of(7f).get());
    Expect.failure(TensorException.class, () -> x.get(1), "get", "1 indices", "[2, 3]");
    Expect.failure(
        IndexOutOfRangeException.class, () -> x.get(0, 3), "index 3", "dimension 1", "size 3");
    Expect.failure(IndexOutOfRangeException.class, () -> x.get(-3, 0), "index -3", "dimension 0");
  }

  @Test
  void set() {
    Tensor x = matrix();
    x.set(9, 0, -1).t().set(8, 0, 1);
    Expect.values(x, 0, 1, 9, 8, 4, 5);
    Tensor scalar = Tensor.of(1f);
    Expect.values(scalar.set(2), 2);
    Expect.failure(TensorException.class, () -> x.set(1, 0), "set", "1 indices");
    Expect.failure(IndexOutOfRangeException.class, () -> x.set(1, 2, 0), "index 2");
    Expect.failure(TensorException.class, () -> scalar.expand(3).set(1, 0).item(), "one element");
    Expect.failure(TensorException.class, () -> scalar.expand(3).fill_(1), "repeats", "expanded");
  }

  @Test
  void viewsAreReadInTheirOwnOrder() {
    assertArrayEquals(new float[] {0, 3, 1, 4, 2, 5}, matrix().t().toFloatArray());
    assertArrayEquals(new double[] {4, 5}, matrix().select(0, 1).slice(0, 1, 3).toDoubleArray());
    assertArrayEquals(new float[] {1, 1}, Tensor.of(1f).expand(2).toFloatArray());
    assertArrayEquals(new float[0], Tensor.zeros(0, 2).toFloatArray());
  }

  @Test
  void tooManyElementsForAnArray() {
    Expect.failure(
        TensorException.class,
        () -> Tensor.of(1f).expand(1L << 31).toFloatArray(),
        "[2147483648]",
        "slice it");
  }

  @Test
  void inPlaceArithmetic() {
    Tensor x = matrix();
    x.add_(Tensor.of(new float[] {1, 2, 3})).mul_(2).sub_(Tensor.of(1f)).add_(1).sub_(2);
    Expect.values(x, 0, 4, 8, 6, 10, 14);
    x.select(0, 0).copy_(x.select(0, 1));
    Expect.values(x, 6, 10, 14, 6, 10, 14);
    Expect.failure(
        ShapeMismatchException.class,
        () -> x.select(0, 0).add_(x),
        "add_",
        "[2, 3]",
        "[3]",
        "in place");
  }

  @Test
  void inPlaceOnOverlappingViewsReadsTheOldValues() {
    Tensor x = Tensor.of(new float[] {1, 2, 3, 4});
    x.slice(0, 1, 4).add_(x.slice(0, 0, 3));
    Expect.values(x, 1, 3, 5, 7);
    x.slice(0, 0, 3).copy_(x.slice(0, 1, 4));
    Expect.values(x, 3, 5, 7, 7);
    Tensor m = Tensor.of(new float[][] {{1, 2}, {3, 4}});
    m.add_(m.t());
    Expect.values(m, 2, 5, 5, 8);
    m.mul_(m.select(0, 0));
    Expect.values(m, 4, 25, 10, 40);
  }
}
