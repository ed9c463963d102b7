package dev.adjoint.autograd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.DType;
import dev.adjoint.Expect;
import dev.adjoint.Reference;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Operations with several results. */
@ExtendWith(Reference.class)
class MultiOutputFunctionTest {
  /** Keeps both of its own results for the gradient. */
  private static final class SinCos extends MultiOutputFunction {
    private final List<List<Boolean>> given = new ArrayList<>();

    @Override
    protected Result forward(List<Tensor> inputs) {
      Tensor sin = inputs.getFirst().sin();
      Tensor cos = inputs.getFirst().cos();
      return new Result(List.of(sin, cos), List.of(sin, cos));
    }

    @Override
    protected List<@Nullable Tensor> backward(List<@Nullable Tensor> grads, List<Tensor> saved) {
      Tensor toSin = grads.get(0);
      Tensor toCos = grads.get(1);
      given.add(List.of(toSin != null, toCos != null));
      Tensor sum = null;
      if (toSin != null) {
        sum = toSin.mul(saved.get(1));
      }
      if (toCos != null) {
        Tensor part = toCos.mul(saved.get(0)).neg();
        sum = sum == null ? part : sum.add(part);
      }
      return List.of(Objects.requireNonNull(sum));
    }
  }

  private static Tensor samples() {
    return Tensor.of(new double[] {0.3, -1.1, 2.5});
  }

  @Test
  void gradientsOfAnyOrderAreRight() {
    SinCos function = new SinCos();
    GradCheck.firstOrder(
        x -> {
          List<Tensor> both = function.apply(x.getFirst());
          return both.get(0).mul(both.get(1).square()).sum();
        },
        List.of(samples()));
    GradCheck.secondOrder(
        x -> {
          List<Tensor> both = function.apply(x.getFirst());
          return both.get(0).mul(both.get(1).square()).sum();
        },
        List.of(samples()));
  }

  @Test
  void aResultThatNothingDependsOnHasNoGradient() {
    SinCos function = new SinCos();
    Tensor x = samples().requiresGrad_(true);
    List<Tensor> both = function.apply(x);
    both.get(1).sum().backward();
    assertEquals(List.of(List.of(false, true)), function.given);
    Tensor expected = samples().sin().neg();
    assertEquals(List.of(), differences(expected, Objects.requireNonNull(x.grad())));
  }

  @Test
  void theOperationGoesBackwardOnce() {
    SinCos function = new SinCos();
    Tensor x = samples().requiresGrad_(true);
    List<Tensor> both = function.apply(x);
    Tensor sum = both.get(0).add(both.get(1)).add(both.get(0));
    sum.sum().backward();
    assertEquals(List.of(List.of(true, true)), function.given);
    Tensor expected = samples().cos().mul(2).sub(samples().sin());
    assertEquals(List.of(), differences(expected, Objects.requireNonNull(x.grad())));
  }

  @Test
  void gradientsCanBeAskedWithRespectToAResult() {
    SinCos function = new SinCos();
    Tensor x = samples().requiresGrad_(true);
    List<Tensor> both = function.apply(x);
    Tensor y = both.get(0).mul(both.get(1)).sum();
    List<Tensor> grads = Gradients.grad(y, List.of(both.get(0), x));
    assertEquals(List.of(), differences(samples().cos(), grads.get(0)));
    assertEquals(List.of(), differences(samples().mul(2).cos(), grads.get(1)));
  }

  @Test
  void oneResultKeepsTheGraphOfTheOther() {
    SinCos function = new SinCos();
    Tensor x = samples().requiresGrad_(true);
    List<Tensor> both = function.apply(x);
    both.get(1).close();
    both.get(0).sum().backward();
    assertEquals(List.of(), differences(samples().cos(), Objects.requireNonNull(x.grad())));
  }

  /** The largest element, and where it is. */
  private static final class MaxWithIndex extends MultiOutputFunction {
    @Override
    protected Result forward(List<Tensor> inputs) {
      Tensor x = inputs.getFirst();
      return new Result(List.of(x.max(), x.argmax(0)), List.of(x));
    }

    @Override
    protected List<@Nullable Tensor> backward(List<@Nullable Tensor> grads, List<Tensor> saved) {
      Tensor x = saved.getFirst();
      return List.of(x.eq(x.max()).to(x.dtype()).mul(Objects.requireNonNull(grads.get(0))));
    }
  }

  @Test
  void indicesHaveNoGradient() {
    Tensor x = samples().requiresGrad_(true);
    List<Tensor> both = new MaxWithIndex().apply(x);
    assertTrue(both.get(0).requiresGrad());
    assertFalse(both.get(1).requiresGrad());
    assertEquals(2, both.get(1).item());
    both.get(0).backward();
    Expect.values(Objects.requireNonNull(x.grad()), 0, 0, 1);
  }

  @Test
  void outputsMustBeSeveralTensors() {
    MultiOutputFunction twice =
        new MultiOutputFunction() {
          @Override
          protected Result forward(List<Tensor> inputs) {
            Tensor y = inputs.getFirst().neg();
            return new Result(List.of(y, y), List.of());
          }

          @Override
          protected List<@Nullable Tensor> backward(
              List<@Nullable Tensor> grads, List<Tensor> saved) {
            return List.of(Tensor.full(Shape.of(3), 0, DType.F64, saved.getFirst().device()));
          }
        };
    Tensor x = samples();
    assertThrows(TensorException.class, () -> twice.apply(x));
  }

  /** Elements that differ by more than rounding. */
  private static List<Integer> differences(Tensor expected, Tensor actual) {
    double[] a = expected.toDoubleArray();
    double[] b = actual.toDoubleArray();
    List<Integer> places = new ArrayList<>();
    for (int i = 0; i < a.length; i++) {
      if (!(Math.abs(a[i] - b[i]) <= 1e-12)) {
        places.add(i);
      }
    }
    return places;
  }
}
