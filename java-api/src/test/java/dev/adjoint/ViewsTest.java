package dev.adjoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(Reference.class)
class ViewsTest {
  private static Tensor matrix() {
    return Tensor.arange(6).reshape(2, 3);
  }

  @Test
  void viewsShareMemory() {
    Tensor x = matrix();
    x.t().set(9, 2, 0);
    x.reshape(6).set(8, 0);
    x.slice(1, 1, 2).fill_(7);
    x.select(0, 1).select(0, 0).fill_(6);
    x.unsqueeze(0).set(5, 0, 1, 2);
    x.detach().set(4, 1, 1);
    Expect.values(x, 8, 7, 9, 6, 4, 5);
  }

  @Test
  void copiesDoNot() {
    Tensor x = matrix();
    x.copy().fill_(1);
    x.t().contiguous().fill_(1);
    x.t().reshape(6).fill_(1);
    Expect.values(x, 0, 1, 2, 3, 4, 5);
    assertSame(x, x.contiguous());
  }

  @Test
  void reshape() {
    Tensor x = matrix();
    Expect.shape(x.reshape(3, -1), 3, 2);
    Expect.shape(x.reshape(-1), 6);
    Expect.shape(x.reshape(1, 6, 1), 1, 6, 1);
    Expect.shape(Tensor.of(1f).reshape(), new long[0]);
    Expect.shape(Tensor.of(1f).reshape(1, 1), 1, 1);
    Expect.shape(Tensor.zeros(0, 3).reshape(-1, 5), 0, 5);
    Expect.shape(Tensor.zeros(0, 3).reshape(3, 0), 3, 0);
    Expect.values(x.t().reshape(6), 0, 3, 1, 4, 2, 5);
    Expect.failure(ShapeMismatchException.class, () -> x.reshape(4), "[2, 3]", "6 elements", "[4]");
    Expect.failure(ShapeMismatchException.class, () -> x.reshape(4, -1), "[4, -1]");
    Expect.failure(ShapeMismatchException.class, () -> x.reshape(-1, -1), "[-1, -1]");
    Expect.failure(ShapeMismatchException.class, () -> x.reshape(-2, -3), "[-2, -3]");
    // 0 · anything is 0: the free size is ambiguous, as in PyTorch.
    Expect.failure(
        ShapeMismatchException.class, () -> Tensor.zeros(0, 3).reshape(0, -1), "[0, -1]");
    Expect.failure(TensorException.class, () -> x.reshape(1L << 32, 1L << 32, -1), "4294967296");
  }

  @Test
  void aReshapeIsAViewWhereStridesAllowIt() {
    Tensor x = Tensor.arange(24).reshape(2, 3, 4);
    Tensor split = x.transpose(0, 1).reshape(3, 2, 2, 2); // splits the last dimension only
    split.set(-1, 1, 0, 1, 1);
    assertEquals(-1, x.get(0, 1, 3));
    Tensor joined = x.slice(2, 0, 2).reshape(6, 2); // joins the first two
    joined.set(-2, 5, 1);
    assertEquals(-2, x.get(1, 2, 1));
  }

  @Test
  void emptyTensorsAreContiguousAndReshapeFreely() {
    Tensor x = Tensor.zeros(4, 6).slice(1, 0, 6, 2).slice(0, 0, 0);
    Expect.shape(x, 0, 3);
    assertTrue(x.isContiguous());
    Expect.shape(x.reshape(3, 0), 3, 0);
    Expect.shape(x.t().reshape(0), 0);
  }

  @Test
  void viewsOfNothingLieInsideTheMemory() {
    Expect.values(Tensor.zeros(100, 100).slice(0, 100, 100).slice(1, 100, 100));
    Expect.values(Tensor.zeros(1000, 0).select(0, 999).add(1));
    Expect.values(Tensor.zeros(100, 3).slice(0, 100, 100).select(1, 2).copy());
  }

  @Test
  void sliceBoundsAreLikePythons() {
    Tensor x = Tensor.arange(5);
    Expect.values(x.slice(0, 1, 3), 1, 2);
    Expect.values(x.slice(0, -2, 5), 3, 4);
    Expect.values(x.slice(0, 0, -1), 0, 1, 2, 3);
    Expect.values(x.slice(-1, -100, 100), 0, 1, 2, 3, 4);
    Expect.values(x.slice(0, 3, 1));
    Expect.values(x.slice(0, 7, 9));
    Expect.values(x.slice(0, 0, 5, 2), 0, 2, 4);
    Expect.values(x.slice(0, 1, 5, 2), 1, 3);
    Expect.values(x.slice(0, 0, 5, 5), 0);
    Expect.values(x.slice(0, 1, Long.MAX_VALUE, Long.MAX_VALUE), 1);
    Expect.values(x.slice(0, Long.MIN_VALUE, 2), 0, 1);
    Expect.failure(TensorException.class, () -> x.slice(0, 0, 5, 0), "slice", "positive", "0");
    Expect.failure(TensorException.class, () -> x.slice(0, 0, 5, -1), "-1");
    Expect.failure(IndexOutOfRangeException.class, () -> x.slice(1, 0, 1), "dimension 1", "rank 1");
  }

  @Test
  void slicesOfSlices() {
    Tensor x = Tensor.arange(20).slice(0, 1, 19, 3).slice(0, 1, 6, 2); // 1 4 7 10 13 16
    Expect.values(x, 4, 10, 16);
    assertFalse(x.isContiguous());
    Expect.values(x.copy(), 4, 10, 16);
  }

  @Test
  void select() {
    Tensor x = matrix();
    Expect.values(x.select(0, 1), 3, 4, 5);
    Expect.values(x.select(-1, -1), 2, 5);
    Expect.shape(Tensor.arange(3).select(0, 2), new long[0]);
    Expect.failure(
        IndexOutOfRangeException.class, () -> x.select(1, 3), "index 3", "dimension 1", "size 3");
    Expect.failure(IndexOutOfRangeException.class, () -> x.select(1, -4), "index -4");
    Expect.failure(IndexOutOfRangeException.class, () -> Tensor.of(1f).select(0, 0), "scalar");
    Expect.failure(
        IndexOutOfRangeException.class, () -> Tensor.zeros(0).select(0, 0), "index 0", "size 0");
  }

  @Test
  void expand() {
    Tensor column = Tensor.arange(2).reshape(2, 1);
    Expect.values(column.expand(2, 3), 0, 0, 0, 1, 1, 1);
    Expect.values(column.expand(2, 2, -1), 0, 1, 0, 1);
    Expect.values(column.expand(-1, 2), 0, 0, 1, 1);
    Expect.shape(column.expand(0, 2, 1), 0, 2, 1);
    Expect.shape(column.expand(2, 0), 2, 0);
    Expect.values(Tensor.of(5f).expand(2, 2), 5, 5, 5, 5);
    Expect.failure(
        ShapeMismatchException.class, () -> column.expand(3, 3), "[2, 1]", "[3, 3]", "expand");
    Expect.failure(ShapeMismatchException.class, () -> column.expand(2), "[2, 1]", "[2]");
    // A new dimension has no size to keep.
    Expect.failure(TensorException.class, () -> column.expand(-1, 2, 1), "negative");
  }

  @Test
  void permuteAndTranspose() {
    Tensor x = Tensor.arange(24).reshape(2, 3, 4);
    Tensor y = x.permute(2, 0, 1);
    Expect.shape(y, 4, 2, 3);
    assertEquals(x.get(1, 2, 3), y.get(3, 1, 2));
    Expect.shape(x.permute(-1, 0, -2), 4, 2, 3);
    Expect.shape(x.transpose(-1, 0), 4, 3, 2);
    Expect.shape(x.t(), 2, 4, 3);
    Expect.shape(Tensor.of(1f).permute(), new long[0]);
    Expect.failure(TensorException.class, () -> x.permute(0, 1), "permute", "[0, 1]", "[2, 3, 4]");
    Expect.failure(TensorException.class, () -> x.permute(0, 1, 1), "[0, 1, 1]");
    Expect.failure(TensorException.class, () -> x.permute(0, 1, 3), "dimension 3");
    Expect.failure(TensorException.class, () -> Tensor.arange(3).t(), "transpose", "rank 1");
  }

  @Test
  void squeezeAndUnsqueeze() {
    Tensor x = Tensor.arange(3);
    Expect.shape(x.unsqueeze(0), 1, 3);
    Expect.shape(x.unsqueeze(1), 3, 1);
    Expect.shape(x.unsqueeze(-1), 3, 1);
    Expect.shape(x.unsqueeze(-2), 1, 3);
    Expect.shape(Tensor.of(1f).unsqueeze(0), 1);
    Expect.shape(x.unsqueeze(0).squeeze(0), 3);
    Expect.shape(x.unsqueeze(1).squeeze(-1), 3);
    Expect.values(x.slice(0, 0, 3, 2).unsqueeze(0).squeeze(0), 0, 2);
    Expect.failure(TensorException.class, () -> x.squeeze(0), "squeeze", "[3]", "size 1");
    Expect.failure(IndexOutOfRangeException.class, () -> x.unsqueeze(2), "unsqueeze");
  }

  @Test
  void cat() {
    Tensor a = matrix();
    Tensor b = matrix().slice(1, 0, 1);
    Expect.values(Tensor.cat(List.of(a, b), 1), 0, 1, 2, 0, 3, 4, 5, 3);
    Expect.shape(Tensor.cat(List.of(a, a), -2), 4, 3);
    Expect.values(Tensor.cat(List.of(a.t(), a.t()), 1).select(0, 1), 1, 4, 1, 4);
    Expect.values(Tensor.cat(List.of(a.slice(0, 0, 0), a), 0), 0, 1, 2, 3, 4, 5);
    Expect.shape(Tensor.cat(List.of(Tensor.zeros(0), Tensor.zeros(0)), 0), 0);
    Expect.failure(
        ShapeMismatchException.class,
        () -> Tensor.cat(List.of(a, b), 0),
        "cat",
        "[2, 3]",
        "[2, 1]");
    Expect.failure(
        DTypeMismatchException.class,
        () -> Tensor.cat(List.of(a, a.to(DType.F32)), 0),
        "I64",
        "F32");
    Expect.failure(TensorException.class, () -> Tensor.cat(List.of(), 0), "at least one");
    Expect.failure(
        IndexOutOfRangeException.class, () -> Tensor.cat(List.of(Tensor.of(1f)), 0), "scalar");
  }

  @Test
  void closingTheBaseLeavesTheView() {
    Tensor x = matrix();
    Tensor row = x.select(0, 1);
    x.close();
    Expect.values(row, 3, 4, 5);
  }
}
