package dev.adjoint.autograd;

import static java.lang.Double.NEGATIVE_INFINITY;
import static java.lang.Double.NaN;
import static java.lang.Double.POSITIVE_INFINITY;

import dev.adjoint.Expect;
import dev.adjoint.Reference;
import dev.adjoint.Tensor;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Where the mathematics leaves a choice, PyTorch's. */
@ExtendWith(Reference.class)
class ConventionsTest {
  private static Tensor leaf(double... values) {
    return Tensor.of(values).requiresGrad_(true);
  }

  /** The gradient of f at some points, and the same by way of createGraph. */
  private static void gradient(UnaryOperator<Tensor> f, double[] at, double... expected) {
    for (boolean createGraph : new boolean[] {false, true}) {
      Tensor x = leaf(at);
      f.apply(x).sum().backward(null, false, createGraph);
      Expect.values(x.grad(), expected);
      x.close();
    }
  }

  private static double[] at(double... values) {
    return values;
  }

  @Test
  void kinks() {
    gradient(Tensor::relu, at(-1, 0, 2), 0, 0, 1);
    gradient(Tensor::abs, at(-2, 0, 3), -1, 0, 1);
    gradient(x -> x.clamp(0, 1), at(-1, 0, 0.5, 1, 2), 0, 1, 1, 1, 0);
    gradient(x -> x.clamp(2, 1), at(0, 1.5, 3), 0, 0, 0);
  }

  @Test
  void tiesShare() {
    Tensor a = leaf(1, 2, 3);
    Tensor b = leaf(2, 2, 2);
    a.maximum(b).sum().backward();
    Expect.values(a.grad(), 0, 0.5, 1);
    Expect.values(b.grad(), 1, 0.5, 0);
    a.zeroGrad();
    b.zeroGrad();
    a.minimum(b).sum().backward();
    Expect.values(a.grad(), 1, 0.5, 0);
    Expect.values(b.grad(), 0, 0.5, 1);
    gradient(Tensor::max, at(1, 3, 3), 0, 0.5, 0.5);
    gradient(Tensor::min, at(1, 3, 1), 0.5, 0, 0.5);
  }

  @Test
  void maximumBesideNaN() {
    Tensor a = leaf(NaN, 1, 1);
    Tensor b = leaf(1, NaN, 0);
    a.maximum(b).sum().backward();
    Expect.values(a.grad(), 1, 1, 1);
    Expect.values(b.grad(), 1, 1, 0);
  }

  @Test
  void theLoserGetsZeroWhateverArrives() {
    Tensor a = leaf(1);
    Tensor b = leaf(2);
    a.maximum(b).backward(Tensor.of(new double[] {POSITIVE_INFINITY}), false, false);
    Expect.values(a.grad(), 0);
    Expect.values(b.grad(), POSITIVE_INFINITY);
    a.zeroGrad();
    a.pow(0).backward(Tensor.of(new double[] {NaN}), false, false);
    Expect.values(a.grad(), 0);
  }

  @Test
  void powersAtZero() {
    gradient(x -> x.pow(0), at(0, 2), 0, 0);
    gradient(x -> x.pow(1), at(0, 2), 1, 1);
    gradient(x -> x.pow(2), at(0, -2), 0, -4);
    gradient(x -> x.pow(0.5), at(0, 4), POSITIVE_INFINITY, 0.25);
    gradient(x -> x.pow(-1), at(0, 2), NEGATIVE_INFINITY, -0.25);
    gradient(x -> x.pow(3), at(-2), 12);
    gradient(x -> x.pow(0.5), at(-1), NaN);
  }

  @Test
  void powersOfTwoTensorsAtZero() {
    Tensor base = leaf(0, 0, 0, 2);
    Tensor exponent = leaf(0, 2, -1, 3);
    base.pow(exponent).sum().backward();
    Expect.values(base.grad(), 0, 0, NEGATIVE_INFINITY, 12);
    Expect.close(1e-12, exponent.grad(), 0, 0, NEGATIVE_INFINITY, 8 * Math.log(2));
  }

  @Test
  void polesAndRoots() {
    gradient(Tensor::sqrt, at(0, 4), POSITIVE_INFINITY, 0.25);
    gradient(Tensor::log, at(0, 2), POSITIVE_INFINITY, 0.5);
    gradient(Tensor::reciprocal, at(0, 2), NEGATIVE_INFINITY, -0.25);
    gradient(x -> x.rdiv(1), at(0, 2), NEGATIVE_INFINITY, -0.25);
  }

  @Test
  void whereStopsWhatItDoesNotChoose() {
    gradient(x -> Tensor.where(x.gt(0), x.log(), x), at(-1, 2), 1, 0.5);
    gradient(x -> Tensor.where(x.gt(0), x.mul(2), x.mul(3)), at(NaN, 1), 3, 2);
  }

  @Test
  void notANumberSpreads() {
    Expect.values(Tensor.of(new double[] {1, NaN}).max(), NaN);
    Expect.values(Tensor.of(new double[] {1, NaN}).min(), NaN);
    Expect.values(Tensor.of(new double[] {1, NaN, 3}).argmax(0), 1);
    Expect.values(Tensor.of(new double[] {NaN}).relu(), NaN);
    Expect.values(Tensor.of(new double[] {NaN}).clamp(0, 1), NaN);
    Expect.values(Tensor.of(new double[] {1, NaN}).sum(), NaN);
    Expect.values(Tensor.of(new double[] {1, NaN}).softmax(0), NaN, NaN);
    Expect.values(Tensor.of(new double[] {0}).mul(POSITIVE_INFINITY), NaN);
    gradient(x -> x.mul(NaN), at(1), NaN);
  }
}
