package dev.adjoint.ops;

import dev.adjoint.spi.OptimizerKernels;
import dev.adjoint.spi.ReductionKernels.SumSquares;
import dev.adjoint.DType;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.internal.Check;
import dev.adjoint.internal.Dispatch;
import dev.adjoint.internal.Tensors;
import dev.adjoint.spi.View;
import java.util.ArrayList;
import java.util.List;

/**
 * Updates of many tensors in one call, in place and never recorded. {@code hyper} is F64 [2] =
 * {learning rate, steps done}: read from memory, so that a captured step follows its schedule.
 */
public final class OptimizerSteps {
  private OptimizerSteps() {}

  /** The constants of {@link #sgd}. */
  public record Sgd(double momentum, double dampening, double weightDecay, boolean nesterov) {}

  /** The constants of {@link #adamW}. */
  public record AdamW(double beta1, double beta2, double eps, double weightDecay) {}

  /** PyTorch's SGD rule; {@code buffers} is empty without momentum. */
  public static void sgd(
      List<Tensor> params, List<Tensor> grads, List<Tensor> buffers, Tensor hyper, Sgd rule) {
    if (params.isEmpty()) {
      return;
    }
    List<Tensor> dense = dense("sgd", params, grads);
    Dispatch.runAll(
        new OptimizerKernels.Sgd(
            Tensors.view(hyper),
            rule.momentum(),
            rule.dampening(),
            rule.weightDecay(),
            rule.nesterov(),
            views(params),
            views(dense),
            views(buffers)),
        join(params, buffers, List.of(hyper)),
        dense);
    written(params);
  }

  /** AdamW (Loshchilov and Hutter 2019). */
  public static void adamW(
      List<Tensor> params,
      List<Tensor> grads,
      List<Tensor> firstMoments,
      List<Tensor> secondMoments,
      Tensor hyper,
      AdamW rule) {
    if (params.isEmpty()) {
      return;
    }
    List<Tensor> dense = dense("adamW", params, grads);
    Dispatch.runAll(
        new OptimizerKernels.AdamW(
            Tensors.view(hyper),
            rule.beta1(),
            rule.beta2(),
            rule.eps(),
            rule.weightDecay(),
            views(params),
            views(dense),
            views(firstMoments),
            views(secondMoments)),
        join(params, firstMoments, secondMoments, List.of(hyper)),
        dense);
    written(params);
  }

  /** The Euclidean norm of all elements of all tensors, summed in float64; F64, a scalar. */
  public static Tensor norm(List<Tensor> xs) {
    Check.that(!xs.isEmpty(), "norm", "needs at least one tensor");
    List<Tensor> dense = new ArrayList<>();
    for (Tensor x : xs) {
      Check.wide("norm", x);
      Check.alike("norm", xs.get(0), x);
      dense.add(Movement.contiguous(x.detach()));
    }
    Tensor out = Tensors.empty(Shape.scalar(), DType.F64, Tensors.context(xs.get(0)));
    Dispatch.runAll(new SumSquares(Tensors.view(out), views(dense)), List.of(out), dense);
    return out.sqrt();
  }

  /** Every x *= factor, one element of the same type. */
  public static void scale(List<Tensor> xs, Tensor factor) {
    if (xs.isEmpty()) {
      return;
    }
    for (Tensor x : xs) {
      Check.alike("scale", x, factor);
      Check.writable("scale", x);
      Check.that(
          x.isContiguous(), "scale", () -> "needs dense tensors, got a view of " + x.shape());
    }
    Dispatch.runAll(
        new OptimizerKernels.Scale(Tensors.view(factor), views(xs)), xs, List.of(factor));
    written(xs);
  }

  private static List<Tensor> dense(String op, List<Tensor> params, List<Tensor> grads) {
    List<Tensor> dense = new ArrayList<>();
    for (int i = 0; i < params.size(); i++) {
      Tensor param = params.get(i);
      Tensor grad = grads.get(i);
      Check.wide(op, param);
      Check.alike(op, params.get(0), param);
      Check.alike(op, param, grad);
      Check.shape(op, "the gradient", grad.shape(), param.shape());
      Check.writable(op, param);
      Check.that(
          param.isContiguous(),
          op,
          () -> "needs a dense parameter, got a view of " + param.shape());
      dense.add(Movement.contiguous(grad.detach()));
    }
    return dense;
  }

  private static List<View> views(List<Tensor> tensors) {
    return tensors.stream().map(Tensors::view).toList();
  }

  @SafeVarargs
  private static List<Tensor> join(List<Tensor>... lists) {
    List<Tensor> all = new ArrayList<>();
    for (List<Tensor> list : lists) {
      all.addAll(list);
    }
    return all;
  }

  private static void written(List<Tensor> tensors) {
    tensors.forEach(t -> Tensors.state(t).storage().bumpVersion());
  }
}
