package dev.adjoint.autograd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.Adjoint;
import dev.adjoint.DType;
import dev.adjoint.DTypeMismatchException;
import dev.adjoint.Device;
import dev.adjoint.Expect;
import dev.adjoint.Reference;
import dev.adjoint.Scope;
import dev.adjoint.ShapeMismatchException;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(Reference.class)
class BackwardTest {
  private static Tensor leaf(double... values) {
    return Tensor.of(values).requiresGrad_(true);
  }

  private static Tensor gradOf(Tensor leaf) {
    Tensor grad = leaf.grad();
    assertNotNull(grad);
    return grad;
  }

  @Test
  void whatCannotGoBackward() {
    Expect.failure(
        TensorException.class, () -> Tensor.ones(1).backward(), "requires a gradient", "[1]");
    Tensor y = leaf(1, 2).mul(2);
    Expect.failure(ShapeMismatchException.class, y::backward, "backward", "needs a scalar", "[2]");
    Expect.failure(
        ShapeMismatchException.class, () -> y.backward(Tensor.ones(3), false, false), "[3]", "[2]");
    Expect.failure(
        DTypeMismatchException.class, () -> y.backward(Tensor.ones(2), false, false), "F64", "F32");
  }

  @Test
  void oneElementOfAnyShapeIsScalarEnough() {
    Tensor x = leaf(3);
    x.square().reshape(1, 1).backward();
    Expect.values(x.grad(), 6);
  }

  @Test
  void theSeedWeighs() {
    Tensor x = leaf(1, 2);
    Tensor seed = Tensor.of(new double[] {10, 100});
    x.square().backward(seed, false, false);
    Expect.values(x.grad(), 20, 400);
    Expect.values(seed, 10, 100);
  }

  @Test
  void twiceNeedsRetainGraph() {
    Tensor x = leaf(3);
    Tensor y = x.square().sum();
    y.backward(null, true, false);
    y.backward();
    Expect.values(x.grad(), 12);
    Expect.failure(TensorException.class, y::backward, "square", "second time", "retainGraph");
    // What saved nothing has nothing to lose, as in PyTorch.
    Tensor z = x.add(1).sum();
    z.backward();
    z.backward();
    Expect.values(x.grad(), 14);
  }

  @Test
  void retainedGraphsOfOneTrunk() {
    Tensor x = leaf(2);
    Tensor trunk = x.square();
    Tensor a = trunk.mul(3).sum();
    Tensor b = trunk.exp().sum();
    a.backward(null, true, false);
    x.zeroGrad();
    b.backward();
    Expect.close(1e-12, x.grad(), 4 * Math.exp(4));
    Expect.failure(TensorException.class, a::backward, "second time");
  }

  @Test
  void diamonds() {
    Tensor x = leaf(3);
    x.add(x).sum().backward();
    Expect.values(x.grad(), 2);
    x.zeroGrad();
    x.mul(x).sum().backward();
    Expect.values(x.grad(), 6);
    x.zeroGrad();
    x.sub(x).sum().backward();
    Expect.values(x.grad(), 0);
    x.zeroGrad();
    Tensor shared = x.mul(2);
    shared.mul(shared.add(x)).add(shared).sum().backward(); // 2x·3x + 2x
    Expect.values(x.grad(), 38);
  }

  @Test
  void aWideDiamondOfMixedAges() {
    Tensor x = leaf(1, 2);
    Tensor old = x.exp();
    Tensor young = x.mul(2).square().add(old).mul(old).sum(); // (4x² + eˣ)·eˣ
    Tensor sum = young.add(old.sum());
    sum.backward();
    double[] expected = new double[2];
    for (int i = 0; i < 2; i++) {
      double v = i + 1;
      double e = Math.exp(v);
      expected[i] = (8 * v + e) * e + (4 * v * v + e) * e + e;
    }
    Expect.close(1e-9, x.grad(), expected);
  }

  @Test
  void contributionsToOneLeaf() {
    Tensor table = Tensor.rand(6, 4).requiresGrad_(true);
    Tensor x = Tensor.rand(3, 4);
    Tensor indices = Tensor.of(new long[] {5, 0, 5});
    Tensor linear = x.linear(table, null).square().sum();
    Tensor embedded = table.embedding(indices).exp().sum();
    Tensor linearGrad = Gradients.grad(linear, List.of(table), null, true, false).getFirst();
    Tensor embeddedGrad = Gradients.grad(embedded, List.of(table), null, true, false).getFirst();
    // Whatever comes second is added in place: each in turn, and each to itself.
    for (Tensor first : List.of(linear, embedded)) {
      for (Tensor second : List.of(linear, embedded)) {
        table.zeroGrad();
        first.backward(null, true, false);
        Tensor grad = gradOf(table);
        second.backward(null, true, false);
        assertSame(grad, table.grad());
        Expect.close(
            1e-5,
            grad,
            (first == linear ? linearGrad : embeddedGrad)
                .add(second == linear ? linearGrad : embeddedGrad)
                .toDoubleArray());
      }
    }
  }

  @Test
  void aGradientAsItsOwnSeed() {
    Tensor weight = Tensor.of(new double[][] {{1, 2}, {3, 4}}).requiresGrad_(true);
    Tensor x = Tensor.of(new double[][] {{1, 0}, {1, 1}});
    Tensor y = x.linear(weight, null);
    y.backward(Tensor.of(new double[][] {{1, 2}, {3, 4}}), true, false);
    Expect.values(weight.grad(), 4, 3, 6, 4);
    y.backward(gradOf(weight), false, false); // reads what it adds to
    Expect.values(weight.grad(), 14, 9, 13, 8);
  }

  @Test
  void aSumOfOverlappingViews() {
    Tensor x = leaf(1, 2, 3, 4);
    Tensor y = x.slice(0, 0, 3).add(x.slice(0, 1, 4)).mul(Tensor.of(new double[] {1, 10, 100}));
    y.sum().backward();
    Expect.values(x.grad(), 1, 11, 110, 100);
  }

  @Test
  void createGraphToTheThirdOrder() {
    Tensor x = leaf(2);
    Tensor y = x.pow(4).sum();
    Tensor first = Gradients.grad(y, List.of(x), null, true, true).get(0);
    Tensor second = Gradients.grad(first.sum(), List.of(x), null, true, true).get(0);
    Tensor third = Gradients.grad(second.sum(), List.of(x), null, true, true).get(0);
    Expect.close(1e-12, first, 32);
    Expect.close(1e-12, second, 48);
    Expect.close(1e-12, third, 48);
    assertFalse(first.detach().requiresGrad());
    assertNull(x.grad());
  }

  @Test
  void gradientsOfGradientsInTheLeaf() {
    Tensor x = leaf(3);
    x.pow(3).sum().backward(null, false, true);
    Tensor slope = gradOf(x);
    Expect.close(1e-12, slope, 27);
    slope.sum().backward();
    Expect.close(1e-12, x.grad(), 27 + 18);
    x.zeroGrad();
  }

  @Test
  void gradientsAliasNothing() {
    Tensor a = leaf(1, 2);
    Tensor b = leaf(3, 4);
    Tensor seed = Tensor.of(new double[] {5, 6});
    a.add(b).backward(seed, false, false); // one gradient, two takers
    gradOf(a).fill_(0);
    Expect.values(b.grad(), 5, 6);
    gradOf(b).fill_(1);
    Expect.values(a.grad(), 0, 0);
    Expect.values(seed, 5, 6);
    a.zeroGrad();
    a.reshape(2, 1).reshape(2).backward(seed, false, false);
    gradOf(a).fill_(9);
    Expect.values(seed, 5, 6);
  }

  @Test
  void theGradientsOfPartsAreApart() {
    Tensor a = leaf(1);
    Tensor b = leaf(2);
    Tensor.cat(List.of(a, b), 0).sum().backward();
    gradOf(a).fill_(7);
    Expect.values(b.grad(), 1);
    assertTrue(gradOf(a).isContiguous() && gradOf(b).isContiguous());
  }

  @Test
  void aBroadcastGradientIsWritable() {
    Tensor x = leaf(1, 2, 3);
    x.sum().backward(); // arrives as one repeated element
    gradOf(x).add_(1);
    Expect.values(x.grad(), 2, 2, 2);
  }

  @Test
  void aSavedValueOutlivesItsHandle() {
    Tensor x = leaf(2);
    Tensor loss;
    try (Scope scope = Scope.open()) {
      Tensor a = x.mul(3);
      Tensor b = a.mul(a);
      loss = scope.keep(b.sum());
      a.close();
    }
    loss.backward();
    Expect.values(x.grad(), 36);
  }

  @Test
  void forwardsWithoutBackwardLeaveNothing() {
    Tensor w = Tensor.ones(100).requiresGrad_(true);
    long before = Adjoint.memory(Device.REFERENCE).liveBytes();
    for (int i = 0; i < 100; i++) {
      Scope.run(() -> w.exp().mul(w).sum());
    }
    assertEquals(before, Adjoint.memory(Device.REFERENCE).liveBytes());
  }

  @Test
  void aVeryLongChainNeitherOverflowsNorLeaks() {
    Tensor x = leaf(1);
    Scope.run(
        () -> {
          Tensor y = x;
          for (int i = 0; i < 30_000; i++) {
            Tensor next = y.mul(1);
            if (y != x) {
              y.close();
            }
            y = next;
          }
          y.backward();
        });
    Expect.values(x.grad(), 1);
    Tensor y = x;
    for (int i = 0; i < 30_000; i++) {
      Tensor next = y.square(); // saves its input: only the chain holds it
      if (y != x) {
        y.close();
      }
      y = next;
    }
    y.close();
  }

  @Test
  void typesAreConvertedBack() {
    Tensor x = Tensor.ones(2).requiresGrad_(true);
    x.to(DType.F64).mul(2).sum().backward();
    assertEquals(DType.F32, gradOf(x).dtype());
    Expect.values(x.grad(), 2, 2);
  }
}
