package dev.adjoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.adjoint.autograd.GradCheck;
import dev.adjoint.autograd.Gradients;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(Reference.class)
class PrecisionTest {
  private static Tensor values(long... sizes) {
    float[] values = new float[(int) Shape.of(sizes).numel()];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) Math.sin(1 + 7.3 * i);
    }
    return Tensor.of(values, Shape.of(sizes), Device.REFERENCE);
  }

  private static Tensor rounded(Tensor x) {
    return x.detach().to(DType.BF16).to(DType.F32);
  }

  private static void same(Tensor expected, Tensor found) {
    assertEquals(expected.shape(), found.shape());
    assertArrayEquals(expected.toDoubleArray(), found.toDoubleArray());
  }

  private static Tensor grad(Tensor x) {
    return Objects.requireNonNull(x.grad());
  }

  @Test
  void settingsNestAndBelongToTheThread() throws InterruptedException {
    assertEquals(Precision.F32, Precision.current());
    try (var _ = Precision.BF16.use()) {
      assertEquals(Precision.BF16, Precision.current());
      try (var _ = Precision.F32.use()) {
        assertEquals(Precision.F32, Precision.current());
      }
      assertEquals(Precision.BF16, Precision.current());
      Precision[] elsewhere = new Precision[1];
      Thread thread = new Thread(() -> elsewhere[0] = Precision.current());
      thread.start();
      thread.join();
      assertEquals(Precision.F32, elsewhere[0]);
    }
    assertEquals(Precision.F32, Precision.current());
  }

  @Test
  void guardsCloseOnceAndInOrder() {
    Precision.Guard outer = Precision.BF16.use();
    Precision.Guard inner = Precision.TF32.use();
    Expect.failure(TensorException.class, outer::close, "precision", "inner guard was still open");
    inner.close();
    outer.close();
    assertEquals(Precision.F32, Precision.current());
  }

  @Test
  void factorsAreRoundedAndNothingElse() {
    Tensor x = values(3, 4, 5);
    Tensor weight = values(6, 5);
    Tensor bias = values(6);
    Tensor y;
    Tensor product;
    try (var _ = Precision.BF16.use()) {
      y = x.linear(weight, bias);
      product = x.matmul(weight.t());
    }
    same(rounded(x).linear(rounded(weight), bias), y);
    same(rounded(x).matmul(rounded(weight).t()), product);
    assertEquals(DType.F32, y.dtype());
    assertFalse(Arrays.equals(y.toDoubleArray(), x.linear(weight, bias).toDoubleArray()));
    assertFalse(Arrays.equals(y.toDoubleArray(), rounded(y).toDoubleArray()));
  }

  /** Gradients too, though backward runs outside the scope; each factor of theirs is rounded. */
  @Test
  void backwardHasThePrecisionOfItsForward() {
    Tensor x = values(4, 5).requiresGrad_(true);
    Tensor weight = values(6, 5).requiresGrad_(true);
    Tensor g = values(4, 6);
    Tensor y;
    try (var _ = Precision.BF16.use()) {
      y = x.linear(weight, null).add(x.matmul(weight.t()));
    }
    y.backward(g, false, false);
    Tensor once = rounded(g).matmul(rounded(weight));
    same(once.add(once), grad(x));
    Tensor forWeight = rounded(g).t().matmul(rounded(x));
    same(forWeight.add(forWeight), grad(weight));
  }

  @Test
  void linearTakesBf16WithF32Parameters() {
    Tensor x = values(3, 4, 5).to(DType.BF16).detach().requiresGrad_(true);
    Tensor wide = x.detach().to(DType.F32).requiresGrad_(true);
    Tensor weight = values(6, 5).requiresGrad_(true);
    Tensor bias = values(6).requiresGrad_(true);
    Tensor g = values(3, 4, 6).to(DType.BF16);
    Tensor y;
    Tensor inF32;
    try (var _ = Precision.BF16.use()) {
      y = x.linear(weight, bias);
      inF32 = wide.linear(weight, bias);
    }
    assertEquals(DType.BF16, y.dtype());
    same(rounded(inF32), y);
    for (int i = 1; i <= 2; i++) { // the second time the weight's gradient is added to
      y.backward(g, true, false);
      same(rounded(g).reshape(12, 6).t().matmul(rounded(x).reshape(12, 5)).mul(i), grad(weight));
      same(g.to(DType.F32).sum(0, 1).mul(i), grad(bias));
    }
    assertEquals(DType.F32, grad(weight).dtype());
    assertEquals(DType.F32, grad(bias).dtype());
    assertEquals(DType.BF16, grad(x).dtype());
    inF32.backward(g.to(DType.F32), false, false);
    x.zeroGrad();
    y.backward(g, false, false);
    same(rounded(grad(wide)), grad(x));
  }

  @Test
  void gradientsOfGradientsKeepTheirTypes() {
    Tensor x = values(4, 5).to(DType.BF16).detach().requiresGrad_(true);
    Tensor weight = values(6, 5).requiresGrad_(true);
    Tensor bias = values(6).requiresGrad_(true);
    Tensor y;
    try (var _ = Precision.BF16.use()) {
      y = x.linear(weight, bias);
    }
    Tensor g = values(4, 6).to(DType.BF16).detach().requiresGrad_(true);
    List<Tensor> grads = Gradients.grad(y, List.of(x, weight, bias), g, false, true);
    Tensor penalty =
        grads.stream().map(t -> t.to(DType.F32).square().sum()).reduce(Tensor::add).orElseThrow();
    penalty.backward();
    assertEquals(DType.BF16, grad(g).dtype());
    assertEquals(DType.BF16, grad(x).dtype());
    assertEquals(DType.F32, grad(weight).dtype());
  }

  @Test
  void typesThatDoNotGoTogetherSayTheFix() {
    Tensor x = values(4, 5).to(DType.BF16);
    Expect.failure(
        DTypeMismatchException.class,
        () -> x.linear(values(6, 5), null),
        "linear: the input is BF16 [4, 5], the weight F32 [6, 5]",
        "Precision.BF16");
    try (var _ = Precision.BF16.use()) {
      Expect.failure(
          DTypeMismatchException.class, () -> values(4, 5).linear(x, null), "F32 [4, 5]", "BF16");
      Expect.failure(
          DTypeMismatchException.class,
          () -> x.linear(values(6, 5), values(6).to(DType.BF16)),
          "linear",
          "to(DType.F32)");
      Expect.failure(DTypeMismatchException.class, () -> x.matmul(values(5, 6)), "matmul");
      Expect.failure(
          DTypeMismatchException.class,
          () -> x.to(DType.F16).linear(values(6, 5), null),
          "F16 [4, 5]");
    }
  }

  /** The gradient of a gradient goes through products that remember the precision, too. */
  @Test
  void secondOrderHasItAsWell() {
    Tensor a = values(3, 4).requiresGrad_(true);
    Tensor b = values(4, 2).requiresGrad_(true);
    Tensor y;
    try (var _ = Precision.BF16.use()) {
      y = a.matmul(b);
    }
    Tensor g = values(3, 2).requiresGrad_(true);
    Tensor toA = Gradients.grad(y, List.of(a), g, false, true).getFirst();
    toA.backward(values(3, 4), false, false);
    same(rounded(values(3, 4)).matmul(rounded(b)), grad(g));
  }

  @Test
  void otherProductsAreAsTheyWere() {
    Tensor q = values(1, 2, 5, 4);
    Tensor wide = values(3, 4).to(DType.F64);
    Tensor attention = q.scaledDotProductAttention(q, q, true);
    Tensor square = wide.matmul(wide.t());
    try (var _ = Precision.BF16.use()) {
      same(attention, q.scaledDotProductAttention(q, q, true));
      same(square, wide.matmul(wide.t()));
      GradCheck.firstOrder(
          in -> in.get(0).matmul(in.get(1)), List.of(wide, values(4, 2).to(DType.F64)));
    }
  }
}
