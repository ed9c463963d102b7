package dev.adjoint.examples;

import dev.adjoint.Scope;
import dev.adjoint.Tensor;
import dev.adjoint.autograd.GradMode;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.Objects;

/**
 * Gradient descent in its smallest form: one weight w, the prediction 2w, and the target 3. Each
 * step multiplies the distance to the solution 1.5 by 0.2.
 */
public final class GradientDescent {
  private static final double TARGET = 3;
  private static final double LEARNING_RATE = 0.1;
  private static final int STEPS = 10;

  private GradientDescent() {}

  /** Runs the example. */
  public static void main(String[] args) {
    run(new PrintWriter(System.out, true, System.out.charset()));
  }

  /**
   * Prints ten steps.
   *
   * @return the weight after each of them
   */
  public static float[] run(PrintWriter out) {
    float[] weights = new float[STEPS];
    out.println("step  prediction         loss     gradient    new weight");
    try (Tensor w = Scope.escape(Tensor.of(1f)).requiresGrad_(true)) {
      for (int step = 0; step < STEPS; step++) {
        try (var _ = Scope.open()) {
          Tensor prediction = w.mul(2);
          Tensor loss = prediction.sub(TARGET).square();
          loss.backward(); // now w.grad() is d loss / d w

          Tensor gradient = Objects.requireNonNull(w.grad());
          try (var _ = GradMode.off()) {
            w.sub_(gradient.mul(LEARNING_RATE));
          }
          out.printf(
              Locale.ROOT,
              "%4d %11.7f %12.4e %12.4e %13.9f%n",
              step + 1,
              prediction.item(),
              loss.item(),
              gradient.item(),
              w.item());
          w.zeroGrad(); // or the next backward pass would add to it
          weights[step] = (float) w.item();
        }
      }
    }
    return weights;
  }
}
