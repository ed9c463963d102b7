package dev.adjoint.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.Reference;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(Reference.class)
class GradientClippingTest {
  private Tensor a;
  private Tensor b;
  private List<Tensor> parameters;

  @BeforeEach
  void makeParameters() {
    a = Tensor.zeros(2).requiresGrad_(true);
    b = Tensor.zeros(1).requiresGrad_(true);
    Tensor without = Tensor.zeros(1).requiresGrad_(true);
    parameters = List.of(a, without, b);
  }

  /** Gradients {3, 0} and {4}: norm 5. */
  private void backward() {
    a.mul(Tensor.of(new float[] {3, 0})).sum().add(b.mul(4).sum()).backward();
  }

  @Test
  void clipsByTheNormOfAllTogether() {
    backward();
    assertEquals(5, GradientClipping.clipByNorm(parameters, 1).item(), 1e-12);
    assertGradients(0.6f, 0, 0.8f);
  }

  @Test
  void leavesSmallGradientsAlone() {
    backward();
    assertEquals(5, GradientClipping.clipByNorm(parameters, 6).item(), 1e-12);
    assertGradients(3, 0, 4);
    GradientClipping.clipByNorm(parameters, Double.POSITIVE_INFINITY);
    assertGradients(3, 0, 4);
  }

  @Test
  void notANumberStaysVisible() {
    a.mul(Double.NaN).sum().backward();
    assertTrue(Double.isNaN(GradientClipping.clipByNorm(parameters, 1).item()));
    assertTrue(Double.isNaN(gradient(a)[0]));
  }

  @Test
  void clipsByValue() {
    backward();
    GradientClipping.clipByValue(parameters, 3.5);
    assertGradients(3, 0, 3.5f);
  }

  @Test
  void nothingToClipHasNormZero() {
    assertEquals(0, GradientClipping.clipByNorm(parameters, 1).item());
    assertThrows(TensorException.class, () -> GradientClipping.clipByNorm(parameters, 0));
    assertThrows(TensorException.class, () -> GradientClipping.clipByValue(parameters, -1));
  }

  private void assertGradients(float a0, float a1, float b0) {
    assertArrayEquals(new float[] {a0, a1}, gradient(a), 1e-6f);
    assertArrayEquals(new float[] {b0}, gradient(b), 1e-6f);
  }

  private static float[] gradient(Tensor x) {
    Tensor gradient = x.grad();
    return gradient == null ? new float[0] : gradient.toFloatArray();
  }
}
