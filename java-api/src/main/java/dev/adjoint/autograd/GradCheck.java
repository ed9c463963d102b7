package dev.adjoint.autograd;

import dev.adjoint.DType;
import dev.adjoint.Scope;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;

/**
 * Compares gradients with central differences, in float64. For functions of one's own: {@code
 * GradCheck.firstOrder(x -> myFunction(x.get(0), x.get(1)), List.of(a, b))}. Away from kinks, and
 * for functions that give the same result each time.
 */
public final class GradCheck {
  private static final double STEP = 1e-6;
  private static final double RELATIVE = 1e-6;
  private static final double ABSOLUTE = 1e-6;

  private GradCheck() {}

  /**
   * Checks the gradient of {@code f} with respect to every F64 input, along one fixed direction of
   * the output that weighs all its elements.
   *
   * @param f a function of the inputs
   * @param inputs where; F64, others are taken as constants; they are not changed
   * @throws TensorException naming the first element whose gradient is wrong
   */
  public static void firstOrder(Function<List<Tensor>, Tensor> f, List<Tensor> inputs) {
    recorded(
        () -> {
          List<Tensor> leaves = leaves(inputs);
          Tensor weights = weights(f.apply(leaves), 0);
          compare(x -> f.apply(x).mul(weights).sum(), leaves);
        });
  }

  /**
   * Checks the gradient of the gradient of {@code f}, with respect to every F64 input and to the
   * gradient that comes in.
   *
   * @param f a function of the inputs
   * @param inputs as for {@link #firstOrder}
   * @throws TensorException naming the first element whose gradient is wrong
   */
  public static void secondOrder(Function<List<Tensor>, Tensor> f, List<Tensor> inputs) {
    recorded(
        () -> {
          List<Tensor> leaves = leaves(inputs);
          leaves.add(weights(f.apply(leaves), 0).requiresGrad_(true));
          compare(x -> projectedGradient(f, x), leaves);
        });
  }

  /** Runs a check also inside {@link GradMode#off}: it needs the function's graph. */
  private static void recorded(Runnable check) {
    try (var _ = GradMode.on()) {
      Scope.run(check);
    }
  }

  /** Σₖ ⟨vₖ, ∂⟨w, f(x)⟩/∂xₖ⟩ for fixed vₖ, as part of a graph; w is the last of {@code all}. */
  private static Tensor projectedGradient(Function<List<Tensor>, Tensor> f, List<Tensor> all) {
    List<Tensor> inputs = all.subList(0, all.size() - 1);
    List<Tensor> variables = inputs.stream().filter(Tensor::requiresGrad).toList();
    List<Tensor> grads = Gradients.grad(f.apply(inputs), variables, all.getLast(), true, true);
    Tensor sum = grads.getFirst().mul(weights(grads.getFirst(), 1)).sum();
    for (int k = 1; k < grads.size(); k++) {
      sum = sum.add(grads.get(k).mul(weights(grads.get(k), k + 1)).sum());
    }
    return sum;
  }

  private static List<Tensor> leaves(List<Tensor> inputs) {
    List<Tensor> leaves = new ArrayList<>();
    for (Tensor input : inputs) {
      Tensor leaf = input.detach().copy();
      leaves.add(leaf.dtype() == DType.F64 ? leaf.requiresGrad_(true) : leaf);
    }
    if (leaves.stream().noneMatch(Tensor::requiresGrad)) {
      throw new TensorException("gradCheck: none of the inputs is F64; convert with to(DType.F64)");
    }
    return leaves;
  }

  /** Values of both signs without a pattern, none near 0: any error of a gradient shows in them. */
  private static Tensor weights(Tensor like, int salt) {
    double[] values = new double[Math.toIntExact(like.numel())];
    for (int i = 0; i < values.length; i++) {
      double golden = (i + 1) * 0.6180339887498949 + salt * 0.7548776662466927;
      double unit = golden - Math.floor(golden);
      values[i] = unit < 0.5 ? unit - 1 : unit;
    }
    return Tensor.of(values, like.shape(), like.device());
  }

  /** Compares the gradients of a scalar function with differences, element by element. */
  private static void compare(Function<List<Tensor>, Tensor> scalar, List<Tensor> leaves) {
    Scope.run(() -> scalar.apply(leaves).backward());
    for (int k = 0; k < leaves.size(); k++) {
      Tensor leaf = leaves.get(k);
      if (!leaf.requiresGrad()) {
        continue;
      }
      Tensor grad = leaf.grad();
      double[] found = grad == null ? new double[(int) leaf.numel()] : grad.toDoubleArray();
      double[] values = leaf.toDoubleArray();
      Tensor flat = leaf.detach().reshape(-1);
      for (int i = 0; i < values.length; i++) {
        double above = at(scalar, leaves, flat, i, values[i] + STEP);
        double below = at(scalar, leaves, flat, i, values[i] - STEP);
        flat.set(values[i], i);
        double expected = (above - below) / (2 * STEP);
        if (!(Math.abs(found[i] - expected) <= ABSOLUTE + RELATIVE * Math.abs(expected))) {
          throw new TensorException(
              String.format(
                  Locale.ROOT,
                  "gradCheck: input %d of shape %s, element %d: the gradient is %s, differences give"
                      + " %s",
                  k,
                  leaf.shape(),
                  i,
                  found[i],
                  expected));
        }
      }
    }
  }

  private static double at(
      Function<List<Tensor>, Tensor> scalar, List<Tensor> leaves, Tensor flat, int i, double x) {
    flat.set(x, i);
    try (Scope _ = Scope.open()) {
      return scalar.apply(leaves).item();
    }
  }
}
