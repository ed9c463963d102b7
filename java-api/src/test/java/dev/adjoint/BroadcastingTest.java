package dev.adjoint;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(Reference.class)
class BroadcastingTest {
  private static final long[] FULL = {2, 3, 1, 2};

  /** All shapes that broadcast to {@link #FULL}: any suffix, any sizes replaced by 1. */
  private static List<long[]> shapes() {
    List<long[]> all = new ArrayList<>();
    for (int rank = 0; rank <= FULL.length; rank++) {
      for (int ones = 0; ones < 1 << rank; ones++) {
        long[] sizes = new long[rank];
        for (int d = 0; d < rank; d++) {
          sizes[d] = (ones >> d & 1) == 1 ? 1 : FULL[FULL.length - rank + d];
        }
        all.add(sizes);
      }
    }
    return all;
  }

  private static Tensor counting(long[] sizes, double start) {
    Shape shape = Shape.of(sizes);
    double[] values = new double[(int) shape.numel()];
    for (int i = 0; i < values.length; i++) {
      values[i] = start + i;
    }
    return Tensor.of(values, shape, Device.REFERENCE);
  }

  @Test
  void everyPairOfShapesAddsAsItsExpansions() {
    for (long[] left : shapes()) {
      for (long[] right : shapes()) {
        Scope.run(
            () -> {
              Tensor a = counting(left, 1);
              Tensor b = counting(right, 100);
              Tensor sum = a.add(b);
              double[] dense = a.expand(FULL).copy().add(b.expand(FULL).copy()).toDoubleArray();
              Expect.values(sum.expand(FULL), dense);
            });
      }
    }
  }

  @Test
  void everyGradientIsSummedBack() {
    for (long[] sizes : shapes()) {
      Scope.run(
          () -> {
            Tensor a = counting(sizes, 1).requiresGrad_(true);
            a.mul(counting(FULL, 2)).sum().backward();
            Tensor grad = a.grad();
            assertEquals(a.shape(), grad == null ? null : grad.shape());
            // Each element meets numel(FULL) / numel(a) factors: the sum over all is the same.
            Expect.values(grad == null ? null : grad.sum(), counting(FULL, 2).sum().item());
          });
    }
  }

  @Test
  void sizesOfZero() {
    Expect.shape(Tensor.zeros(2, 0).add(Tensor.zeros(1, 1)), 2, 0);
    Expect.shape(Tensor.zeros(0).add(Tensor.of(1f)), 0);
    Expect.shape(Tensor.zeros(3, 1).mul(Tensor.zeros(0)), 3, 0);
    Expect.failure(
        ShapeMismatchException.class, () -> Tensor.zeros(0).add(Tensor.zeros(2)), "0 and 2");
  }

  @Test
  void theMessageNamesTheDimension() {
    Expect.failure(
        ShapeMismatchException.class,
        () -> Tensor.zeros(4, 3).add(Tensor.zeros(4)),
        "add",
        "[4, 3]",
        "[4]",
        "dimension -1 is 3 and 4");
  }

  @Test
  void whereBroadcastsAllThree() {
    Tensor condition = Tensor.of(new boolean[] {true, false});
    Tensor column = Tensor.of(new float[][] {{1}, {2}});
    Expect.values(Tensor.where(condition, column, Tensor.of(9f)), 1, 9, 2, 9);
    Expect.failure(
        DTypeMismatchException.class, () -> Tensor.where(column, column, column), "BOOL", "F32");
  }
}
