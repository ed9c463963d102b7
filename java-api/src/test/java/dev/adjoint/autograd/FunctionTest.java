package dev.adjoint.autograd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.Adjoint;
import dev.adjoint.Device;
import dev.adjoint.Expect;
import dev.adjoint.Reference;
import dev.adjoint.ShapeMismatchException;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(Reference.class)
class FunctionTest {
  private static Tensor leaf(double... values) {
    return Tensor.of(values).requiresGrad_(true);
  }

  private static final class Cube extends Function {
    @Override
    protected Result forward(List<Tensor> in) {
      assertFalse(GradMode.isEnabled());
      return new Result(in.get(0).square().mul(in.get(0)), List.of(in.get(0)));
    }

    @Override
    protected List<@Nullable Tensor> backward(Tensor grad, List<Tensor> saved) {
      return Arrays.asList(grad.mul(saved.get(0).square()).mul(3));
    }
  }

  /** The identity forward; {@code backward} is what each test makes it. */
  private static final class Custom extends Function {
    private final java.util.function.Function<Tensor, List<@Nullable Tensor>> backward;

    Custom(java.util.function.Function<Tensor, List<@Nullable Tensor>> backward) {
      this.backward = backward;
    }

    @Override
    protected Result forward(List<Tensor> in) {
      return new Result(in.get(0), List.of());
    }

    @Override
    protected List<@Nullable Tensor> backward(Tensor grad, List<Tensor> saved) {
      return backward.apply(grad);
    }
  }

  @Test
  void gradientsOfTwoOrders() {
    Tensor x = leaf(2);
    Tensor y = new Cube().apply(x);
    Expect.values(y, 8);
    assertEquals("Cube", y.gradFn());
    Tensor slope = Gradients.grad(y, List.of(x), null, true, true).get(0);
    Expect.values(slope, 12);
    Expect.values(Gradients.grad(slope, List.of(x)).get(0), 12);
    GradCheck.secondOrder(in -> new Cube().apply(in.get(0)), List.of(x));
  }

  @Test
  void forwardLeavesOnlyItsResult() {
    Tensor x = Tensor.zeros(1000);
    long before = Adjoint.memory(Device.REFERENCE).liveStorages();
    Tensor y = new Cube().apply(x);
    assertEquals(before + 1, Adjoint.memory(Device.REFERENCE).liveStorages());
    assertFalse(y.requiresGrad());
  }

  @Test
  void anInputReturnedAsTheOutputKeepsItsOwnHistory() {
    Tensor x = leaf(2);
    Tensor y = new Custom(g -> Arrays.asList(g.neg())).apply(x);
    assertNotSame(x, y);
    assertTrue(x.isLeaf());
    y.sum().backward();
    Expect.values(x.grad(), -1);
  }

  @Test
  void anExceptionInBackwardLeavesNothing() {
    Tensor x = leaf(1, 2, 3);
    Tensor y =
        new Custom(
                g -> {
                  Tensor lost = g.mul(2);
                  throw new IllegalStateException("thrown on purpose " + lost.rank());
                })
            .apply(x.mul(2))
            .sum();
    long before = Adjoint.memory(Device.REFERENCE).liveBytes();
    assertThrows(IllegalStateException.class, y::backward);
    assertEquals(before, Adjoint.memory(Device.REFERENCE).liveBytes());
    assertTrue(GradMode.isEnabled());
    assertNull(x.grad());
    assertTrue(Tensor.ones(1).add(1).rank() == 1); // the scopes are in order
  }

  @Test
  void wrongGradientsAreNamed() {
    Tensor x = leaf(1, 2);
    Expect.failure(
        TensorException.class,
        () -> new Custom(g -> Arrays.asList(g, g)).apply(x).sum().backward(),
        "Custom.backward",
        "2 gradients for 1 inputs");
    Expect.failure(
        ShapeMismatchException.class,
        () -> new Custom(g -> Arrays.asList(Tensor.of(new double[3]))).apply(x).sum().backward(),
        "Custom",
        "input 0",
        "[2]",
        "[3]");
    Expect.failure(
        TensorException.class,
        () -> new Custom(g -> Arrays.asList(Tensor.zeros(2))).apply(x).sum().backward(),
        "Custom",
        "F32",
        "F64");
  }

  @Test
  void noGradientAtAll() {
    Tensor x = leaf(1);
    new Custom(g -> Arrays.asList((Tensor) null)).apply(x).sum().backward();
    assertNull(x.grad());
  }

  @Test
  void aConstantKeptByTheFunctionIsCopied() {
    Tensor x = leaf(1);
    Tensor constant = Tensor.of(new double[] {4});
    new Custom(g -> Arrays.asList(constant)).apply(x).sum().backward();
    constant.fill_(0);
    Expect.values(x.grad(), 4);
  }
}
