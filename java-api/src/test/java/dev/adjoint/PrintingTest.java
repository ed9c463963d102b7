package dev.adjoint;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** The texts are PyTorch's, but for the words of types and gradients. */
@ExtendWith(Reference.class)
class PrintingTest {
  private static void prints(String expected, Tensor x) {
    assertEquals(expected, x.toString());
  }

  private static Tensor range(long n, long... sizes) {
    return Tensor.arange(n, DType.F32, Device.REFERENCE).reshape(sizes);
  }

  @Test
  void scalars() {
    prints("tensor(3.1400)", Tensor.of(3.14f));
    prints("tensor(2.)", Tensor.of(2f));
    prints("tensor(nan)", Tensor.of(Float.NaN));
    prints("tensor(-inf)", Tensor.of(Float.NEGATIVE_INFINITY));
    prints("tensor(1.0000e-05)", Tensor.of(1e-5f));
    prints("tensor(-0.)", Tensor.of(-0f));
  }

  @Test
  void wholeNumbersHaveAPoint() {
    prints("tensor([1., 2., 3.])", Tensor.of(new float[] {1, 2, 3}));
    prints("tensor([ 1., -2.])", Tensor.of(new float[] {1, -2}));
    prints("tensor([0., 0.])", Tensor.zeros(2));
    prints("tensor([  1., 100.])", Tensor.of(new float[] {1, 100}));
  }

  @Test
  void fourDecimals() {
    prints("tensor([0.5000, 1.0000])", Tensor.of(new float[] {0.5f, 1}));
    prints("tensor([ 0.1235, -1.5000])", Tensor.of(new float[] {0.123456f, -1.5f}));
    // A tie in binary: to even, as C rounds.
    prints("tensor([0.0312, 0.0938])", Tensor.of(new float[] {0.03125f, 0.09375f}));
  }

  @Test
  void scientificWhereTheValuesDifferMuch() {
    prints("tensor([1.0000e-03, 1.5000e+00])", Tensor.of(new float[] {0.001f, 1.5f}));
    prints("tensor([1.0000e+00, 2.0000e+03])", Tensor.of(new float[] {1, 2000}));
    prints("tensor([1.0000e+00, 0.0000e+00, 1.0000e+05])", Tensor.of(new float[] {1, 0, 1e5f}));
    prints("tensor([2.0000e+08])", Tensor.of(new float[] {2e8f}));
    prints("tensor([-1.2346e-05])", Tensor.of(new float[] {-1.23456e-5f}));
    prints("tensor([   1., 1000.])", Tensor.of(new float[] {1, 1000}));
  }

  @Test
  void notFinite() {
    prints(
        "tensor([   nan, 1.5000,    inf,   -inf])",
        Tensor.of(new float[] {Float.NaN, 1.5f, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}));
    prints(
        "tensor([1., nan, inf])", Tensor.of(new float[] {1, Float.NaN, Float.POSITIVE_INFINITY}));
  }

  @Test
  void nesting() {
    prints(
        """
        tensor([[0., 1., 2.],
                [3., 4., 5.]])""",
        range(6, 2, 3));
    prints(
        """
        tensor([[[0, 1],
                 [2, 3]],

                [[4, 5],
                 [6, 7]]])""",
        Tensor.arange(8).reshape(2, 2, 2));
    prints("tensor([[0., 3.]])", range(6, 2, 3).select(1, 0).unsqueeze(0));
  }

  @Test
  void longLinesAreBroken() {
    prints(
        """
        tensor([ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16, 17,
                18, 19, 20, 21, 22, 23, 24])""",
        Tensor.arange(25));
    prints(
        """
        tensor([0.5000, 0.5000, 0.5000, 0.5000, 0.5000, 0.5000, 0.5000, 0.5000, 0.5000,
                0.5000])""",
        Tensor.full(Shape.of(10), 0.5));
  }

  @Test
  void manyElementsAreShortened() {
    prints("tensor([   0,    1,    2,  ..., 1998, 1999, 2000])", Tensor.arange(2001));
    prints(
        """
        tensor([[   1.,    1.,    1.,  ...,    1.,    1.,    1.],
                [   1.,    1.,    1.,  ...,    1.,    1.,    1.],
                [   1.,    1.,    1.,  ...,    1.,    1.,    1.],
                ...,
                [   1.,    1.,    1.,  ...,    1.,    1.,    1.],
                [   1.,    1.,    1.,  ...,    1.,    1.,    1.],
                [   1.,    1.,    1.,  ...,    1.,    1., 1000.]])""",
        Tensor.ones(40, 40).set(1000, 39, 39));
  }

  @Test
  void onlyWhatIsShownDecidesTheFormat() {
    Tensor x = Tensor.ones(1001);
    x.set(0.5, 500);
    prints("tensor([1., 1., 1.,  ..., 1., 1., 1.])", x);
  }

  @Test
  void otherTypes() {
    prints("tensor([1, 2])", Tensor.of(new long[] {1, 2}));
    prints("tensor([ 1, -2], dtype=I32)", Tensor.of(new int[] {1, -2}));
    prints("tensor([ true, false])", Tensor.of(new boolean[] {true, false}));
    prints("tensor([1.5000], dtype=F64)", Tensor.of(new double[] {1.5}));
  }

  @Test
  void nothing() {
    prints("tensor([])", Tensor.zeros(0));
    prints("tensor([], shape=[2, 0])", Tensor.zeros(2, 0));
    prints("tensor([], dtype=I64)", Tensor.arange(0));
  }

  @Test
  void gradients() {
    Tensor x = Tensor.ones(2).requiresGrad_(true);
    prints("tensor([1., 1.], requiresGrad)", x);
    prints("tensor([2., 2.], gradFn=mul)", x.mul(2));
    prints("tensor([1., 1.])", x.detach());
  }

  @Test
  void closed() {
    Tensor x = Tensor.ones(2, 3);
    x.close();
    prints("tensor(closed, F32 [2, 3])", x);
  }
}
