package dev.adjoint.tck;

import dev.adjoint.spi.ElementwiseKernels;
import dev.adjoint.spi.OptimizerKernels;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.DType;
import dev.adjoint.Device;
import dev.adjoint.Scope;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.reference.ReferenceBackend;
import dev.adjoint.spi.KernelCall;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The specification itself, at points whose values follow from the formulas by other means. */
class ReferenceValuesTest {
  private static final double EPS = 1e-15;

  private Scope scope;

  @BeforeEach
  void openScope() {
    scope = Scope.open();
  }

  @AfterEach
  void closeScope() {
    scope.close();
  }

  private static Tensor vector(double... values) {
    return Tensor.of(values, Shape.of(values.length), Device.REFERENCE);
  }

  private static void assertValues(Tensor found, double... expected) {
    assertArrayEquals(expected, found.toDoubleArray(), EPS);
  }

  @Test
  void activations() {
    Tensor x = vector(1, -0.5);
    assertValues(x.gelu(), 0.8413447460685429, -0.15426876936299344);
    assertValues(x.geluTanh(), 0.8411919906082768, -0.15428599017485606);
    assertValues(x.silu(), 0.7310585786300049, -0.1887703343990727);
    assertValues(
        vector(0.5, 1.5, 3).erf(), 0.5204998778130465, 0.9661051464753108, 0.9999779095030014);
  }

  @Test
  void reluIsFlatAtZero() {
    Tensor x = vector(-1, 0, 2).requiresGrad_(true);
    x.relu().sum().backward();
    assertValues(Objects.requireNonNull(x.grad()), 0, 0, 1);
  }

  @Test
  void powersOfOne() {
    double inf = Double.POSITIVE_INFINITY;
    assertValues(vector(1, 1, -1, 0).pow(vector(inf, Double.NaN, inf, 0)), 1, 1, 1, 1);
  }

  @Test
  void normalizations() {
    Tensor x = vector(1, 2, 3, 4).reshape(1, 4);
    assertValues(
        x.layerNorm(null, null, 1e-5),
        -1.3416354199689269,
        -0.447211806656309,
        0.447211806656309,
        1.3416354199689269);
    assertValues(
        x.rmsNorm(null, 1e-5),
        0.3651481282381064,
        0.7302962564762128,
        1.0954443847143192,
        1.4605925129524255);
  }

  @Test
  void softmaxAndCrossEntropy() {
    Tensor x = vector(1, 2, 3).reshape(1, 3);
    assertValues(x.softmax(-1), 0.09003057317038046, 0.24472847105479764, 0.6652409557748219);
    Tensor target = Tensor.of(new long[] {2}, Shape.of(1), Device.REFERENCE);
    assertValues(x.crossEntropy(target), 0.40760596444438013);
    assertTrue(Double.isNaN(vector(Double.NEGATIVE_INFINITY).softmax(-1).item()));
  }

  @Test
  void reductionsOfNothing() {
    Tensor nothing = Tensor.full(Shape.of(0), 0, DType.F64, Device.REFERENCE);
    assertEquals(0, nothing.sum().item());
    assertTrue(Double.isNaN(nothing.mean().item()));
  }

  @Test
  void attention() {
    Tensor q = vector(1, 0, 0, 1).reshape(1, 1, 2, 2);
    Tensor v = vector(1, 2, 3, 4).reshape(1, 1, 2, 2);
    assertValues(
        q.scaledDotProductAttention(q, v, false),
        1.6604769013466862,
        2.6604769013466862,
        2.3395230986533138,
        3.3395230986533138);
    assertValues(
        q.scaledDotProductAttention(q, v, true), 1, 2, 2.3395230986533138, 3.3395230986533138);
  }

  /** Three steps on w = 1 with gradients 0.5, −0.25, 1, worked out by PyTorch's rule. */
  @Test
  void sgd() {
    assertEquals(0.812, sgd(0, 0, false), EPS);
    assertEquals(0.6981892081909999, sgd(0, 0.01, true), EPS);
    assertEquals(0.81208493869, sgd(0.1, 0.01, false), EPS);
  }

  private static double sgd(double dampening, double weightDecay, boolean nesterov) {
    return threeSteps(
        1,
        stage ->
            new OptimizerKernels.Sgd(
                stage.view(2),
                0.9,
                dampening,
                weightDecay,
                nesterov,
                stage.views(0, 1),
                stage.views(1, 2),
                stage.views(3, 4)));
  }

  @Test
  void adamW() {
    double w =
        threeSteps(
            2,
            stage ->
                new OptimizerKernels.AdamW(
                    stage.view(2),
                    0.9,
                    0.999,
                    1e-8,
                    0.01,
                    stage.views(0, 1),
                    stage.views(1, 2),
                    stage.views(3, 4),
                    stage.views(4, 5)));
    assertEquals(0.8047846723763838, w, EPS);
  }

  /** The weight after three steps; operands: weight, gradient, hyper, states. */
  private static double threeSteps(int states, KernelCase.KernelFactory rule) {
    Operand weight = scalar(1);
    List<Operand> operands = new ArrayList<>();
    operands.add(weight);
    operands.add(scalar(0));
    operands.add(
        Operand.updated(DType.F64, Placement.DENSE.of(Shape.of(2)), i -> i == 0 ? 0.1 : 0));
    for (int i = 0; i < states; i++) {
      operands.add(scalar(0));
    }
    ReferenceBackend backend = new ReferenceBackend();
    try (Stage stage = new Stage(backend)) {
      stage.load(operands);
      KernelCall step = stage.call(rule.create(stage));
      for (double gradient : new double[] {0.5, -0.25, 1}) {
        Calls.of(backend, new ElementwiseKernels.Fill(stage.view(1), gradient)).run();
        step.run();
      }
      assertEquals(3, operands.get(2).get(stage.image(2), 1));
      return weight.get(stage.image(0), 0);
    }
  }

  private static Operand scalar(double value) {
    return Operand.updated(DType.F64, Placement.DENSE.of(Shape.of(1)), i -> value);
  }
}
