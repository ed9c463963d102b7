package dev.adjoint.autograd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.ClosedTensorException;
import dev.adjoint.DType;
import dev.adjoint.DTypeMismatchException;
import dev.adjoint.Expect;
import dev.adjoint.Reference;
import dev.adjoint.Scope;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(Reference.class)
class LeafTest {
  private static Tensor leaf(float... values) {
    return Tensor.of(values).requiresGrad_(true);
  }

  @Test
  void leavesAndResults() {
    Tensor x = Tensor.ones(2);
    assertTrue(x.isLeaf());
    assertFalse(x.requiresGrad());
    assertFalse(x.mul(2).requiresGrad());
    assertTrue(x.mul(2).isLeaf());
    x.requiresGrad_(true);
    assertTrue(x.isLeaf());
    assertNull(x.gradFn());
    Tensor y = x.mul(2);
    assertTrue(y.requiresGrad());
    assertFalse(y.isLeaf());
    assertEquals("mul", y.gradFn());
    assertFalse(y.detach().requiresGrad());
    assertTrue(y.detach().isLeaf());
    assertFalse(y.gt(0).requiresGrad());
    assertFalse(y.to(DType.I64).requiresGrad());
  }

  @Test
  void onlyFloatingLeavesWantGradients() {
    Expect.failure(DTypeMismatchException.class, () -> Tensor.arange(2).requiresGrad_(true), "I64");
    assertFalse(Tensor.arange(2).requiresGrad_(false).requiresGrad());
    Tensor y = leaf(1).mul(2);
    Expect.failure(TensorException.class, () -> y.requiresGrad_(false), "leaf", "detach()");
  }

  @Test
  void gradientsAddUp() {
    Tensor x = leaf(1, 2);
    assertNull(x.grad());
    x.mul(3).sum().backward();
    Expect.values(x.grad(), 3, 3);
    Tensor first = x.grad();
    x.square().sum().backward();
    Expect.values(x.grad(), 5, 7);
    assertSame(first, x.grad());
    x.zeroGrad();
    assertNull(x.grad());
    x.sum().backward();
    Expect.values(x.grad(), 1, 1);
  }

  @Test
  void aLeafIsItsOwnGraph() {
    Tensor x = leaf(3).reshape().detach().requiresGrad_(true);
    x.backward();
    Expect.values(x.grad(), 1);
  }

  @Test
  void intermediateResultsKeepNoGradient() {
    Tensor x = leaf(2);
    Tensor y = x.mul(3);
    y.square().sum().backward();
    assertNull(y.grad());
    Expect.values(x.grad(), 36);
  }

  @Test
  void constantsGetNone() {
    Tensor x = leaf(2);
    Tensor c = Tensor.of(new float[] {5});
    x.mul(c).sum().backward();
    assertNull(c.grad());
  }

  @Test
  void noLongerWantingAGradientDropsIt() {
    Tensor x = leaf(1);
    Tensor y = x.mul(2).sum();
    y.backward(null, true, false);
    x.requiresGrad_(false);
    assertNull(x.grad());
    assertFalse(x.mul(2).requiresGrad());
    y.backward(); // the old graph still leads to the old leaf: nobody can ask for the result
    assertNull(x.grad());
  }

  @Test
  void detachCutsTheGraphButSharesMemory() {
    Tensor x = leaf(2);
    Tensor y = x.square();
    y.detach().mul(x).sum().backward();
    Expect.values(x.grad(), 4);
    y.detach().fill_(0);
    Expect.values(y, 0);
  }

  @Test
  void theGradientOutlivesTheScopeOfBackward() {
    Tensor x = leaf(2);
    Scope.run(() -> x.square().sum().backward());
    Expect.values(x.grad(), 4);
  }

  @Test
  void theGradientGoesWithItsLeaf() {
    Tensor grad;
    try (Tensor x = leaf(2)) {
      x.square().sum().backward();
      grad = x.grad();
    }
    assertNotNull(grad);
    assertTrue(grad.isClosed());
  }

  @Test
  void aClosedLeafTakesNoGradient() {
    Tensor x = leaf(2);
    Tensor w = leaf(3);
    Tensor y = x.mul(w).sum();
    x.close();
    y.backward();
    Expect.values(w.grad(), 2);
    assertNull(x.grad());
    Expect.failure(ClosedTensorException.class, () -> x.mul(2), "F32", "[1]", "Scope.keep");
    Expect.failure(ClosedTensorException.class, () -> x.requiresGrad_(true), "closed");
    Expect.failure(ClosedTensorException.class, x::backward, "closed");
  }

  @Test
  void aGradientThatIsPartOfAGraphGoesWithItsLeafToo() {
    try (Tensor x = leaf(2)) {
      x.pow(3).sum().backward(null, false, true); // the gradient's graph leads back to the leaf
      assertTrue(x.grad() != null && x.grad().requiresGrad());
    }
  }
}
