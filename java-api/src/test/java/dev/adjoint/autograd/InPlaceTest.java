package dev.adjoint.autograd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.Expect;
import dev.adjoint.Reference;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Either the gradient is right or there is an exception: never a wrong number. */
@ExtendWith(Reference.class)
class InPlaceTest {
  private static Tensor leaf(double... values) {
    return Tensor.of(values).requiresGrad_(true);
  }

  @Test
  void aLeafIsChangedOnlyUnderGradModeOff() {
    Tensor x = leaf(1);
    Expect.failure(TensorException.class, () -> x.add_(1), "add_", "leaf", "GradMode.off()");
    Expect.failure(TensorException.class, () -> x.mul_(x.detach()), "mul_", "leaf");
    Expect.failure(TensorException.class, () -> x.fill_(1), "fill_", "leaf");
    Expect.failure(TensorException.class, x::zero_, "leaf");
    Expect.failure(TensorException.class, () -> x.copy_(Tensor.of(new double[1])), "copy_", "leaf");
    try (var _ = GradMode.off()) {
      x.add_(1).mul_(3);
    }
    Expect.values(x, 6);
    assertTrue(x.isLeaf() && x.requiresGrad());
  }

  @Test
  void aResultIsRebasedOnItsNewHistory() {
    Tensor x = leaf(2, 3);
    Tensor y = x.mul(2);
    y.add_(1).mul_(x); // (2x + 1)·x
    assertEquals("mul", y.gradFn());
    y.sum().backward();
    Expect.values(x.grad(), 9, 13);
  }

  @Test
  void aConstantBecomesPartOfTheGraph() {
    Tensor x = leaf(2);
    Tensor sum = Tensor.of(new double[1]);
    for (int i = 0; i < 3; i++) {
      sum.add_(x.square());
    }
    assertFalse(sum.isLeaf());
    sum.sum().backward();
    Expect.values(x.grad(), 12);
  }

  @Test
  void scalarsInPlace() {
    Tensor x = leaf(2);
    Tensor y = x.mul(1).mul_(5).sub_(3);
    Expect.values(y, 7);
    y.square().sum().backward(); // (5x − 3)²
    Expect.values(x.grad(), 70);
  }

  @Test
  void overwritingCutsTheGraph() {
    Tensor x = leaf(2);
    Tensor w = leaf(3);
    Tensor y = x.mul(5);
    y.copy_(w.square());
    y.mul(x).sum().backward();
    Expect.values(x.grad(), 9);
    Expect.values(w.grad(), 12);
    Tensor z = x.mul(5).zero_();
    assertFalse(z.requiresGrad());
    Expect.values(z.add(x), 2);
  }

  @Test
  void aStaleSavedValueIsFound() {
    Tensor x = leaf(2);
    Tensor a = x.mul(3);
    Tensor y = a.square().sum(); // saves a
    a.add_(1);
    Expect.failure(
        TensorException.class, y::backward, "square", "[1]", "changed in place", "version");
    // An operation that saves nothing does not mind.
    Tensor b = x.mul(3);
    Tensor z = b.add(1).sum();
    b.add_(1);
    z.backward();
    Expect.values(x.grad(), 3);
  }

  @Test
  void aStaleOutputIsFound() {
    Tensor x = leaf(1);
    Tensor y = x.exp(); // saves its output
    y.mul_(2);
    Expect.failure(TensorException.class, () -> y.sum().backward(), "exp", "changed in place");
  }

  @Test
  void aChangeThroughADetachedHandleOrASliceIsFound() {
    Tensor x = leaf(1, 2);
    Tensor a = x.mul(1);
    Tensor y = a.square().sum();
    a.detach().slice(0, 0, 1).fill_(9);
    Expect.failure(TensorException.class, y::backward, "changed in place");
    Tensor w = leaf(1);
    Tensor z = w.mul(w).sum();
    w.set(5, 0);
    Expect.failure(TensorException.class, z::backward, "changed in place");
  }

  @Test
  void anOptimizersWriteIsFound() {
    Tensor w = leaf(1);
    Tensor y = w.square().sum();
    try (var _ = GradMode.off()) {
      w.sub_(0.5);
    }
    Expect.failure(TensorException.class, y::backward, "changed in place");
  }

  @Test
  void viewsOfGraphsAreRefusedRatherThanWrong() {
    Tensor x = leaf(1, 2);
    Tensor y = x.mul(2);
    Tensor view = y.slice(0, 0, 1);
    Expect.failure(TensorException.class, () -> view.add_(1), "shares its memory");
    Expect.failure(TensorException.class, () -> y.add_(1), "shares its memory");
    Expect.values(y, 2, 4); // nothing was written
    y.close();
    view.add_(1); // now it is the only one
    view.square().sum().backward(); // (2x + 1)²
    Expect.values(x.grad(), 12, 0);
  }

  @Test
  void aConstantWithAViewIsRefusedWhenItWouldJoinAGraph() {
    Tensor x = leaf(1, 2);
    Tensor base = Tensor.of(new double[2]);
    Tensor row = base.slice(0, 0, 1);
    Expect.failure(
        TensorException.class, () -> row.copy_(x.slice(0, 1, 2)), "copy_", "shares its memory");
    row.fill_(1);
    Expect.values(base, 1, 0);
  }

  @Test
  void multiplyingByItself() {
    Tensor x = leaf(3);
    Tensor y = x.mul(1);
    y.mul_(y);
    Expect.values(y, 9);
    // As in PyTorch: the factor that was saved has been overwritten.
    Expect.failure(TensorException.class, () -> y.sum().backward(), "mul", "changed in place");
  }
}
