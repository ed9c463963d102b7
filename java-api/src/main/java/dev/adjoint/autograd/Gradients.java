package dev.adjoint.autograd;

import dev.adjoint.Scope;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import dev.adjoint.graph.BackwardPass;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Gradients as values, without touching the leaves' own: PyTorch's {@code autograd.grad}. */
public final class Gradients {
  private Gradients() {}

  /**
   * The gradients of a scalar with respect to some tensors; frees the graph's saved values.
   *
   * @throws TensorException if the output does not depend on one of the inputs
   */
  public static List<Tensor> grad(Tensor output, List<Tensor> inputs) {
    return grad(output, inputs, null, false, false);
  }

  /**
   * The vector-Jacobian product {@code gradientᵀ · ∂output/∂input} for each input.
   *
   * @param gradient of output's shape; null for 1, if output is a scalar
   * @param retainGraph whether the graph may be used again
   * @param createGraph whether the results are part of a graph themselves
   * @throws TensorException if the output does not depend on one of the inputs
   */
  public static List<Tensor> grad(
      Tensor output,
      List<Tensor> inputs,
      @Nullable Tensor gradient,
      boolean retainGraph,
      boolean createGraph) {
    List<@Nullable Tensor> found =
        BackwardPass.gradients(
            List.of(output), Collections.singletonList(gradient), inputs, retainGraph, createGraph);
    List<Tensor> all = new ArrayList<>();
    for (int i = 0; i < inputs.size(); i++) {
      Tensor grad = found.get(i);
      if (grad == null) {
        throw new TensorException(
            "grad: the output does not depend on input "
                + i
                + " of shape "
                + inputs.get(i).shape());
      }
      all.add(grad);
    }
    return all;
  }

  /**
   * The Jacobian-vector product {@code ∂f/∂x · v}, by differentiating the vector-Jacobian product,
   * which is linear in its vector.
   *
   * @param f a function of tensors
   * @param x where, F32 or F64
   * @param v of x's shape
   */
  public static Tensor jvp(UnaryOperator<Tensor> f, Tensor x, Tensor v) {
    return recorded(
        () -> {
          Tensor at = x.detach().requiresGrad_(true);
          Tensor y = f.apply(at);
          Tensor weight = y.zerosLike().requiresGrad_(true);
          Tensor pulled = grad(y, List.of(at), weight, true, true).get(0);
          return grad(pulled, List.of(weight), v, false, false).get(0).detach();
        });
  }

  /** The Jacobian of f at x: shape f(x)'s sizes followed by x's. */
  public static Tensor jacobian(UnaryOperator<Tensor> f, Tensor x) {
    return recorded(
        () -> {
          Tensor at = x.detach().requiresGrad_(true);
          return rows(f.apply(at), at).detach();
        });
  }

  /** The Hessian of a scalar function at x: x's sizes twice. */
  public static Tensor hessian(UnaryOperator<Tensor> f, Tensor x) {
    return recorded(
        () -> {
          Tensor at = x.detach().requiresGrad_(true);
          Tensor slope = grad(f.apply(at), List.of(at), null, true, true).get(0);
          return rows(slope, at).detach();
        });
  }

  /** What {@code derivative} gives, also inside {@link GradMode#off}: it needs f's graph. */
  private static Tensor recorded(Supplier<Tensor> derivative) {
    try (var _ = GradMode.on()) {
      return Scope.tidy(derivative);
    }
  }

  private static Tensor rows(Tensor y, Tensor x) {
    List<Tensor> rows = new ArrayList<>();
    for (long i = 0; i < y.numel(); i++) {
      Tensor unit = y.zerosLike().reshape(-1).detach();
      unit.set(1, i);
      Tensor seed = unit.reshape(y.shape().toArray());
      List<@Nullable Tensor> found =
          y.requiresGrad()
              ? BackwardPass.gradients(List.of(y), List.of(seed), List.of(x), true, false)
              : Arrays.asList((Tensor) null);
      Tensor row = found.get(0);
      rows.add((row == null ? x.zerosLike() : row).reshape(1, -1));
    }
    long[] sizes = Arrays.copyOf(y.shape().toArray(), y.rank() + x.rank());
    System.arraycopy(x.shape().toArray(), 0, sizes, y.rank(), x.rank());
    return rows.isEmpty()
        ? Tensor.full(Shape.of(sizes), 0, x.dtype(), x.device())
        : Tensor.cat(rows, 0).reshape(sizes);
  }
}
