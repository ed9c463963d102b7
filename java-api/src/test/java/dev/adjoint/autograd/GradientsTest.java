package dev.adjoint.autograd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.adjoint.Expect;
import dev.adjoint.Reference;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(Reference.class)
class GradientsTest {
  private static Tensor leaf(double... values) {
    return Tensor.of(values).requiresGrad_(true);
  }

  private static Tensor matrix(double... values) {
    return Tensor.of(values).reshape(2, values.length / 2).detach();
  }

  @Test
  void leavesStayUntouched() {
    Tensor x = leaf(1, 2);
    Tensor w = leaf(3, 4);
    List<Tensor> grads = Gradients.grad(x.mul(w).sum(), List.of(w, x));
    Expect.values(grads.get(0), 1, 2);
    Expect.values(grads.get(1), 3, 4);
    assertNull(x.grad());
    assertFalse(grads.get(0).requiresGrad());
  }

  @Test
  void withRespectToIntermediateResults() {
    Tensor x = leaf(2);
    Tensor y = x.square();
    Tensor z = y.mul(y).mul(3).sum();
    List<Tensor> grads = Gradients.grad(z, List.of(y, x, z));
    Expect.values(grads.get(0), 24);
    Expect.values(grads.get(1), 96);
    Expect.values(grads.get(2), 1);
  }

  @Test
  void onlyThePathIsWalked() {
    Tensor x = leaf(2);
    Tensor w = leaf(3);
    Tensor side = w.exp();
    Tensor y = x.mul(2);
    Tensor z = y.mul(side).sum();
    Gradients.grad(z, List.of(y));
    side.sum().backward(); // was not on the way
    Expect.close(1e-12, w.grad(), Math.exp(3));
  }

  @Test
  void independentInputs() {
    Tensor x = leaf(1);
    Tensor other = leaf(1, 2);
    Expect.failure(
        TensorException.class,
        () -> Gradients.grad(x.sum(), List.of(x, other)),
        "does not depend on input 1",
        "[2]");
    Expect.failure(
        TensorException.class,
        () -> Gradients.grad(x.sum(), List.of(Tensor.ones(1))),
        "requires a gradient");
  }

  @Test
  void theResultsAliasNothing() {
    Tensor a = leaf(1, 2);
    Tensor b = leaf(3, 4);
    Tensor seed = Tensor.of(new double[] {5, 6});
    Tensor sum = a.add(b);
    List<Tensor> grads = Gradients.grad(sum, List.of(a, b, a, sum), seed, false, false);
    for (Tensor grad : grads) {
      Expect.values(grad, 5, 6);
      grad.fill_(0);
    }
    Expect.values(seed, 5, 6);
  }

  @Test
  void aSeedThatRequiresAGradientIsAConstantUnlessAGraphIsAsked() {
    Tensor x = leaf(1, 2);
    Tensor seed = leaf(5, 6);
    Tensor y = x.reshape(2, 1).reshape(2);
    assertFalse(Gradients.grad(y, List.of(x), seed, true, false).get(0).requiresGrad());
    Tensor linked = Gradients.grad(y, List.of(x), seed, true, true).get(0);
    Expect.values(Gradients.grad(linked.square().sum(), List.of(seed)).get(0), 10, 12);
  }

  @Test
  void jvp() {
    Tensor x = Tensor.of(new double[] {1, 2});
    Tensor v = Tensor.of(new double[] {10, 100});
    Expect.values(Gradients.jvp(t -> t.square().mul(3), x, v), 60, 1200);
    Expect.values(Gradients.jvp(t -> t.mul(t.sum()), x, v), 10 * 4 + 100, 2 * 10 + 100 * 5);
    assertFalse(x.requiresGrad());
  }

  @Test
  void jacobians() {
    Tensor x = Tensor.of(new double[] {1, 2, 3});
    Tensor square = Gradients.jacobian(Tensor::square, x);
    Expect.shape(square, 3, 3);
    Expect.values(square, 2, 0, 0, 0, 4, 0, 0, 0, 6);
    Tensor a = matrix(1, 2, 3, 4, 5, 6);
    Expect.values(Gradients.jacobian(a::matmul, x), 1, 2, 3, 4, 5, 6);
    Expect.shape(Gradients.jacobian(Tensor::t, a), 3, 2, 2, 3);
    Expect.values(Gradients.jacobian(Tensor::sum, x), 1, 1, 1);
    Expect.values(Gradients.jacobian(t -> t, Tensor.of(2.0)), 1);
    Expect.shape(Gradients.jacobian(t -> t.slice(0, 0, 0), x), 0, 3);
    Expect.values(Gradients.jacobian(t -> Tensor.of(new double[] {7}), x), 0, 0, 0);
  }

  @Test
  void hessians() {
    Tensor x = Tensor.of(new double[] {1, 2});
    Tensor a = matrix(2, 1, 1, 3);
    Tensor quadratic = Gradients.hessian(t -> t.matmul(a).matmul(t).mul(0.5), x);
    Expect.shape(quadratic, 2, 2);
    Expect.values(quadratic, 2, 1, 1, 3);
    Expect.close(1e-12, Gradients.hessian(t -> t.pow(3).sum(), x), 6, 0, 0, 12);
    Expect.values(Gradients.hessian(Tensor::sum, x), 0, 0, 0, 0);
    Tensor softmax = Gradients.hessian(t -> t.exp().sum().log(), Tensor.of(new double[] {0, 0}));
    Expect.close(1e-12, softmax, 0.25, -0.25, -0.25, 0.25);
  }

  @Test
  void derivativesOfFunctionsDoNotDependOnTheMode() {
    Tensor x = Tensor.of(new double[] {1, 2});
    Tensor v = Tensor.of(new double[] {10, 100});
    try (var _ = GradMode.off()) {
      Expect.values(Gradients.jacobian(Tensor::square, x), 2, 0, 0, 4);
      Expect.values(Gradients.jvp(Tensor::square, x, v), 20, 400);
      Expect.values(Gradients.hessian(t -> t.square().sum(), x), 2, 0, 0, 2);
      GradCheck.firstOrder(in -> in.getFirst().exp(), List.of(x));
      GradCheck.secondOrder(in -> in.getFirst().exp(), List.of(x));
      assertFalse(GradMode.isEnabled());
    }
  }

  @Test
  void fusedOperationsHaveSecondDerivatives() {
    Tensor x = matrix(0.3, -1.2, 0.7, 0.1, 2.0, -0.4);
    Tensor w = Tensor.of(new double[] {0.5, 1.5, -0.7});
    Tensor classes = Tensor.of(new long[] {2, -100});
    GradCheck.secondOrder(in -> in.get(0).softmax(0), List.of(x));
    GradCheck.secondOrder(in -> in.get(0).logSoftmax(1), List.of(x));
    GradCheck.secondOrder(in -> in.get(0).crossEntropy(classes), List.of(x));
    GradCheck.secondOrder(in -> in.get(0).layerNorm(in.get(1), in.get(1), 1e-3), List.of(x, w));
    GradCheck.secondOrder(in -> in.get(0).rmsNorm(in.get(1), 1e-3), List.of(x, w));
    GradCheck.secondOrder(in -> in.get(0).embedding(classes.ne(0).to(classes.dtype())), List.of(x));
    GradCheck.secondOrder(in -> in.get(0).linear(in.get(0), null), List.of(x));
    Tensor q = x.reshape(1, 1, 3, 2);
    GradCheck.secondOrder(
        in -> in.get(0).scaledDotProductAttention(in.get(0), in.get(0), true), List.of(q));
  }

  @Test
  void aWrongGradientIsFoundByGradCheck() {
    Expect.failure(
        TensorException.class,
        () -> GradCheck.firstOrder(in -> in.get(0).mul(in.get(0).detach()), List.of(leaf(1, 2))),
        "gradCheck",
        "element 0");
  }

  @Test
  void mixedPartialDerivatives() {
    Tensor x = leaf(2);
    Tensor y = leaf(3);
    Tensor slope = Gradients.grad(x.square().mul(y).sum(), List.of(x), null, true, true).get(0);
    Tensor mixed = Gradients.grad(slope.sum(), List.of(y)).get(0);
    Expect.values(mixed, 4);
    assertEquals(1, mixed.numel());
  }
}
