package dev.adjoint.autograd;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.adjoint.Device;
import dev.adjoint.Expect;
import dev.adjoint.Reference;
import dev.adjoint.Tensor;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Backward through everything that moves elements without computing. */
@ExtendWith(Reference.class)
class ViewGradientsTest {
  private static final double[] VALUES = {0.5, -1, 2, 3, -0.25, 1.5};

  /** Checks two orders; the square makes the second one see the values. */
  private static void check(UnaryOperator<Tensor> f) {
    Tensor x = Tensor.of(VALUES).reshape(2, 3);
    GradCheck.firstOrder(in -> f.apply(in.get(0)).square(), List.of(x));
    GradCheck.secondOrder(in -> f.apply(in.get(0)).square(), List.of(x));
  }

  @Test
  void shapes() {
    check(x -> x.reshape(3, 2));
    check(x -> x.t().reshape(-1)); // a copy
    check(Tensor::t);
    check(x -> x.transpose(0, -1));
    check(x -> x.permute(1, 0));
    check(x -> x.unsqueeze(1).permute(2, 0, 1));
    check(x -> x.unsqueeze(0).squeeze(0));
    check(x -> x.reshape(6, 1).squeeze(-1));
  }

  @Test
  void parts() {
    check(x -> x.slice(1, 1, 3));
    check(x -> x.slice(1, 0, 3, 2));
    check(x -> x.slice(0, 1, 1)); // nothing
    check(x -> x.select(0, 1));
    check(x -> x.select(1, -1).select(0, 0));
    check(x -> x.t().slice(0, 1, 3).select(1, 0));
  }

  @Test
  void repetition() {
    check(x -> x.select(0, 0).expand(4, 3));
    check(x -> x.unsqueeze(1).expand(-1, 2, -1));
    check(x -> x.sum().expand(2, 2));
    check(x -> x.reshape(2, 3, 1).expand(2, 3, 0));
  }

  @Test
  void copiesAndJoins() {
    check(Tensor::copy);
    check(x -> x.t().contiguous());
    check(x -> Tensor.cat(List.of(x, x.mul(2)), 0));
    check(x -> Tensor.cat(List.of(x.slice(1, 2, 3), x, x.slice(1, 0, 0)), 1));
  }

  @Test
  void zerosWhereNothingWasTaken() {
    Tensor x = Tensor.of(VALUES).requiresGrad_(true);
    x.slice(0, 1, 5, 3).sum().backward();
    Expect.values(x.grad(), 0, 1, 0, 0, 1, 0);
  }

  @Test
  void reductionsOverAnyDimensions() {
    check(x -> x.sum(0));
    check(x -> x.sum(true, -1));
    check(x -> x.mean(1, 0));
    check(x -> x.max(1));
    check(x -> x.min(0));
    check(x -> x.t().softmax(0));
  }

  /** Σ (t + 1) · x[t]² over overlapping parts of x: two elements where t is even, else one. */
  private static Tensor weighted(Tensor x, int parts) {
    Tensor sum = Tensor.zeros(1);
    for (int t = 0; t < parts; t++) {
      Tensor part = t % 2 == 0 ? x.slice(0, t, t + 2) : x.select(0, t);
      sum = sum.add(part.square().sum().mul(t + 1));
    }
    return sum.sum();
  }

  @Test
  void manyPartsOfOneTensorAddUp() {
    double[] expected = {1 * 2 * 1, 3 * 2 * 2, 3 * 2 * 3, 7 * 2 * 4, 0}; // weights of rows · 2x
    Tensor x = Tensor.of(new float[] {1, 2, 3, 4, 5}).requiresGrad_(true);
    weighted(x, 4).backward();
    Expect.values(x.grad(), expected);
    x.zeroGrad();
    weighted(x.mul(1), 4).backward(); // of a result
    Expect.values(x.grad(), expected);
    Expect.values(Gradients.grad(weighted(x, 4), List.of(x)).get(0), expected);
    Expect.values(x.grad(), expected); // as it was
  }

  /** How many kernels a backward pass through so many parts takes. */
  private static int kernels(Tensor x, int parts) {
    try (CapturedStep step =
        CapturedStep.record(
            Device.REFERENCE,
            () -> {
              x.zeroGrad();
              Tensor sum = x.select(0, 0);
              for (int t = 1; t < parts; t++) {
                sum = sum.add(x.select(0, t));
              }
              sum.sum().backward();
              return List.of();
            })) {
      return step.size();
    }
  }

  @Test
  void aPartsGradientIsAddedInPlace() {
    Tensor x = Tensor.ones(16, 4).requiresGrad_(true);
    // Each part more: its addition, and that of its gradient; no zeros as large as x.
    assertEquals(2 * 8, kernels(x, 16) - kernels(x, 8));
  }

  @Test
  void rowsOfAResultAddUpInPlace() {
    Tensor x = Tensor.ones(3, 2).requiresGrad_(true);
    Tensor table = x.mul(2);
    Tensor twice =
        table
            .embedding(Tensor.of(new long[] {0, 1}))
            .sum()
            .add(table.embedding(Tensor.of(new long[] {1, 1})).sum());
    twice.backward();
    Expect.values(x.grad(), 2, 2, 6, 6, 0, 0);
  }
}
