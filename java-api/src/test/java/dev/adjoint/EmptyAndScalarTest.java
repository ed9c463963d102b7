package dev.adjoint;

import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.adjoint.autograd.Gradients;
import dev.adjoint.ops.Losses;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Tensors of no elements, and of no dimensions. */
@ExtendWith(Reference.class)
class EmptyAndScalarTest {
  @Test
  void reductionsOfNothing() {
    Tensor none = Tensor.zeros(0);
    Expect.values(none.sum(), 0);
    Expect.values(none.mean(), Double.NaN);
    Expect.values(Tensor.zeros(2, 0).sum(1), 0, 0);
    Expect.values(Tensor.zeros(2, 0).sum(true, 1), 0, 0);
    Expect.values(Tensor.zeros(2, 0).mean(1), Double.NaN, Double.NaN);
    Expect.values(Tensor.zeros(2, 0).sum(0));
    Expect.failure(TensorException.class, none::max, "max", "[0]");
    Expect.failure(TensorException.class, none::min, "min", "[0]");
    Expect.failure(TensorException.class, () -> Tensor.zeros(2, 0).max(1), "[2, 0]");
    Expect.shape(Tensor.zeros(2, 0).max(0), 0); // nothing is asked for
    Expect.failure(TensorException.class, () -> none.argmax(0), "argmax", "[0]");
  }

  @Test
  void reductionsOfAScalar() {
    Tensor x = Tensor.of(3f);
    Expect.values(x.sum(), 3);
    Expect.values(x.mean(), 3);
    Expect.values(x.max(), 3);
    Expect.shape(x.sum(true), new long[0]);
  }

  @Test
  void elementwise() {
    Expect.shape(Tensor.zeros(0, 2).exp(), 0, 2);
    Expect.shape(Tensor.zeros(0).add(1), 0);
    Expect.shape(Tensor.zeros(0).to(DType.I64), 0);
    Expect.shape(Tensor.zeros(0).gt(0), 0);
    Expect.shape(Tensor.zeros(0).copy(), 0);
    Expect.shape(Tensor.zeros(0).dropout(0.5), 0);
    Tensor.zeros(0).add_(1).fill_(2).zero_();
    Expect.values(Tensor.of(2f).add(Tensor.of(3f)), 5);
    Expect.shape(Tensor.of(2f).neg(), new long[0]);
  }

  @Test
  void softmaxOfNothing() {
    Expect.shape(Tensor.zeros(0, 3).softmax(1), 0, 3);
    Expect.shape(Tensor.zeros(3, 0).softmax(1), 3, 0);
    Expect.shape(Tensor.zeros(0, 3).logSoftmax(0), 0, 3);
    Expect.values(Tensor.of(5f).softmax(0), 1);
    Expect.values(Tensor.of(5f).logSoftmax(-1), 0);
  }

  @Test
  void matmulWithoutAnInnerDimensionIsZero() {
    Expect.values(Tensor.zeros(2, 0).matmul(Tensor.zeros(0, 2)), 0, 0, 0, 0);
    Expect.shape(Tensor.zeros(0, 3).matmul(Tensor.zeros(3, 2)), 0, 2);
    Expect.shape(Tensor.zeros(2, 3).matmul(Tensor.zeros(3, 0)), 2, 0);
    Expect.shape(Tensor.zeros(0, 2, 3).matmul(Tensor.zeros(3, 2)), 0, 2, 2);
    Expect.values(Tensor.zeros(0).matmul(Tensor.zeros(0)), 0);
    Tensor bias = Tensor.of(new float[] {1, 2});
    Expect.values(Tensor.zeros(1, 0).linear(Tensor.zeros(2, 0), bias), 1, 2);
    Expect.shape(Tensor.zeros(0, 3).linear(Tensor.zeros(2, 3), null), 0, 2);
  }

  @Test
  void matmulOfVectors() {
    Tensor x = Tensor.of(new float[] {1, 2});
    Tensor m = Tensor.of(new float[][] {{1, 2}, {3, 4}});
    Expect.shape(x.matmul(x), new long[0]);
    Expect.values(x.matmul(x), 5);
    Expect.values(x.matmul(m), 7, 10);
    Expect.values(m.matmul(x), 5, 11);
    Expect.shape(Tensor.zeros(5, 3, 2).matmul(x), 5, 3);
    Expect.shape(x.matmul(Tensor.zeros(5, 2, 3)), 5, 3);
    Expect.failure(ShapeMismatchException.class, () -> Tensor.of(1f).matmul(x), "matmul", "[]");
    Expect.failure(
        ShapeMismatchException.class,
        () -> Tensor.zeros(32, 784).matmul(Tensor.zeros(512, 784)),
        "matmul: inner dimensions differ: [32, 784] × [512, 784] (784 vs 512)",
        "the second one transposed would fit");
  }

  @Test
  void norms() {
    Expect.shape(Tensor.zeros(0, 4).layerNorm(null, null, 1e-5), 0, 4);
    Expect.shape(Tensor.zeros(0, 4).rmsNorm(null, 1e-5), 0, 4);
  }

  @Test
  void losses() {
    Tensor logits = Tensor.zeros(2, 3);
    Expect.values(logits.crossEntropy(Tensor.of(new long[] {-100, -100})), Double.NaN);
    Expect.values(Tensor.zeros(0, 3).crossEntropy(Tensor.arange(0)), Double.NaN);
    Expect.values(Tensor.zeros(0).mseLoss(Tensor.zeros(0)), Double.NaN);
    Expect.shape(Tensor.zeros(4, 2).embedding(Tensor.arange(0)), 0, 2);
    Expect.shape(Tensor.zeros(4, 0).embedding(Tensor.arange(2)), 2, 0);
  }

  @Test
  void lossesBroadcastNothing() {
    Tensor columns = Tensor.zeros(8, 1);
    Expect.failure(
        ShapeMismatchException.class,
        () -> columns.mseLoss(Tensor.zeros(8)),
        "mseLoss: the shapes [8, 1] and [8]",
        "reshape");
    Expect.failure(
        ShapeMismatchException.class, () -> columns.mseLoss(Tensor.of(0f)), "[]", "expand");
  }

  @Test
  void classesMayBeInAnyDimension() {
    Tensor logits = Tensor.randn(2, 4, 3); // [B, C, T]
    Tensor targets = Tensor.of(new long[][] {{0, 1, 2}, {3, -100, 1}});
    Tensor last = Losses.crossEntropyPerRow(logits.transpose(1, 2), targets);
    double[] expected = last.toDoubleArray();
    Expect.values(Losses.crossEntropyPerRow(logits, targets, 1), expected);
    Expect.values(logits.crossEntropy(targets, -2), logits.t().crossEntropy(targets).item());
    Tensor first = logits.permute(1, 0, 2);
    Expect.values(Losses.crossEntropyPerRow(first, targets, 0), expected);
    Expect.failure(
        ShapeMismatchException.class,
        () -> logits.crossEntropy(targets),
        "logits [2, 4, 3]",
        "need targets [2, 4], got targets [2, 3]",
        "in dimension 1 they fit");
    Expect.failure(
        ShapeMismatchException.class,
        () -> logits.crossEntropy(Tensor.arange(5)),
        "got targets [5]");
    Tensor x = logits.detach().requiresGrad_(true);
    x.crossEntropy(targets, 1).backward();
    Tensor y = logits.t().copy().detach().requiresGrad_(true);
    y.crossEntropy(targets).backward();
    Expect.values(x.grad(), requireNonNull(y.grad()).t().copy().toDoubleArray());
  }

  @Test
  void gradientsOfNothing() {
    Tensor x = Tensor.zeros(2, 0).requiresGrad_(true);
    x.exp().mul(2).sum().backward();
    Expect.values(x.grad());
    Tensor y = Tensor.zeros(2, 0).requiresGrad_(true);
    y.matmul(Tensor.zeros(0, 3)).sum().backward();
    Expect.values(y.grad());
    assertEquals(Shape.of(2, 0), y.shape());
  }

  @Test
  void gradientsOfNothingAddUp() {
    Tensor x = Tensor.zeros(0, 3).requiresGrad_(true);
    x.sum().backward();
    x.sum().backward(); // added to a gradient that was expanded
    x.exp().sum(0).sum().add(x.sum()).backward();
    Expect.values(x.grad());
    Tensor expanded = Tensor.zeros(1, 0).expand(4, 0);
    Expect.values(expanded.add_(1).mul_(expanded).fill_(2));
  }

  @Test
  void linearOfOneExample() {
    Tensor x = Tensor.of(new float[] {1, 2}).requiresGrad_(true);
    Tensor weight = Tensor.of(new float[][] {{1, 1}, {1, 1}, {1, 1}}).requiresGrad_(true);
    Tensor bias = Tensor.zeros(3).requiresGrad_(true);
    x.linear(weight, bias).sum().backward();
    Expect.shape(requireNonNull(x.grad()), 2);
    Expect.values(x.grad(), 3, 3);
    Expect.values(weight.grad(), 1, 2, 1, 2, 1, 2);
    Expect.values(bias.grad(), 1, 1, 1);
    x.linear(weight, null).sum().backward(); // the weight's is added in place
    Expect.values(weight.grad(), 2, 4, 2, 4, 2, 4);
    Expect.values(x.grad(), 6, 6);
  }

  @Test
  void rowsMayBeVectors() {
    Tensor x = Tensor.of(new double[] {1, 2, 4}).requiresGrad_(true);
    Tensor y = x.reshape(1, 3);
    Tensor weight = Tensor.of(new double[] {1, 2, 3});
    for (var op :
        List.<UnaryOperator<Tensor>>of(
            t -> t.layerNorm(weight, weight, 1e-5),
            t -> t.rmsNorm(weight, 1e-5),
            t -> t.softmax(-1),
            t -> t.logSoftmax(-1))) {
      Expect.values(op.apply(x), op.apply(y).toDoubleArray());
      List<Tensor> grads = new ArrayList<>();
      for (Tensor in : List.of(x, y)) {
        grads.add(Gradients.grad(op.apply(in).square().sum(), List.of(x)).getFirst());
      }
      Expect.shape(grads.getFirst(), 3);
      Expect.values(grads.getFirst(), grads.getLast().toDoubleArray());
    }
  }

  @Test
  void attentionWithoutQueries() {
    Tensor q = Tensor.zeros(1, 1, 0, 2);
    Tensor k = Tensor.zeros(1, 1, 3, 2);
    Expect.shape(q.scaledDotProductAttention(k, k, true), 1, 1, 0, 2);
    Expect.values(k.scaledDotProductAttention(q, q, false), 0, 0, 0, 0, 0, 0);
  }

  @Test
  void viewsOfManyEmptyRowsEndAtOnce() {
    Tensor rows = Tensor.zeros(1, 0).expand(Shape.MAX_ELEMENTS, 0);
    Expect.shape(rows.softmax(1), Shape.MAX_ELEMENTS, 0);
    Expect.shape(rows.logSoftmax(-1), Shape.MAX_ELEMENTS, 0);
    Expect.shape(rows.exp().add(rows), Shape.MAX_ELEMENTS, 0);
    Expect.values(rows.sum(0));
    Tensor x = Tensor.zeros(1, 0).requiresGrad_(true);
    x.expand(Shape.MAX_ELEMENTS, 0).softmax(1).sum().backward();
    Expect.values(x.grad());
    Expect.failure(OutOfMemoryException.class, () -> rows.sum(1), "budget");
  }

  @Test
  void partsOfCatMayNotOverflowTogether() {
    Tensor one = Tensor.ones(1);
    Tensor giant = one.expand(Shape.MAX_ELEMENTS);
    List<Tensor> parts = new ArrayList<>(Collections.nCopies(256, giant)); // 2^64 together
    parts.add(Tensor.ones(3));
    Expect.failure(TensorException.class, () -> Tensor.cat(parts, 0), "2^56 elements");
    Expect.failure(TensorException.class, () -> one.expand(1L << 61), "2^56 elements");
    Expect.failure(
        OutOfMemoryException.class,
        () -> Tensor.cat(List.of(one.expand(1L << 55), one), 0),
        "budget");
  }

  @Test
  void stepsMayBeLongerThanTheTensor() {
    Tensor x = Tensor.arange(6).reshape(2, 3);
    Expect.values(x.slice(0, 1, 2, Long.MAX_VALUE), 3, 4, 5);
    Expect.values(x.slice(0, 0, 2, Long.MAX_VALUE).copy(), 0, 1, 2);
    Expect.values(x.t().slice(1, 1, 2, Long.MAX_VALUE / 2).t().copy(), 3, 4, 5);
  }
}
