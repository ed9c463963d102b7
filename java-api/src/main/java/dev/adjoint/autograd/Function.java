package dev.adjoint.autograd;

import dev.adjoint.DType;
import dev.adjoint.Scope;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import dev.adjoint.graph.Graph;
import dev.adjoint.graph.Saves;
import dev.adjoint.internal.Check;
import dev.adjoint.internal.ThreadState;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An operation with a backward pass of your own, as PyTorch's {@code autograd.Function}.
 *
 * <pre>{@code
 * final class Cube extends Function {
 *   @Override protected Result forward(List<Tensor> in) {
 *     return new Result(in.get(0).pow(3), List.of(in.get(0)));
 *   }
 *   @Override protected List<Tensor> backward(Tensor grad, List<Tensor> saved) {
 *     return List.of(grad.mul(saved.get(0).square()).mul(3));
 *   }
 * }
 * }</pre>
 *
 * If the backward pass uses differentiable operations, gradients of gradients work too. An instance
 * must not keep tensors in fields: what backward needs goes through {@code saved}.
 */
public abstract class Function {
  /** For subclasses. */
  protected Function() {}

  /**
   * What {@link #forward} hands back.
   *
   * @param output the result
   * @param saved inputs, the output, or other tensors, handed to {@link #backward}
   */
  public record Result(Tensor output, List<Tensor> saved) {}

  /** Computes the output; nothing in it is recorded. */
  protected abstract Result forward(List<Tensor> inputs);

  /**
   * One gradient for each input, of its type and of a shape that sums to its shape; null where
   * there is none.
   *
   * @param grad the gradient of the output
   * @param saved what {@link #forward} saved
   */
  protected abstract List<@Nullable Tensor> backward(Tensor grad, List<Tensor> saved);

  /** Runs the operation and records it. */
  public final Tensor apply(Tensor... inputs) {
    return Scope.tidy(() -> record(inputs));
  }

  private Tensor record(Tensor[] inputs) {
    Result result;
    try (var _ = GradMode.off()) {
      result = forward(List.of(inputs));
    }
    Tensor output = result.output();
    for (Tensor input : inputs) {
      if (input == output) {
        output = input.detach(); // an input keeps its own history
        break;
      }
    }
    int count = result.saved().size();
    // The product must not hold on to the handles themselves.
    DType[] types = Arrays.stream(inputs).map(Tensor::dtype).toArray(DType[]::new);
    return Graph.record(
        getClass().getSimpleName(),
        output,
        inputs,
        result.saved().toArray(Tensor[]::new),
        (grad, saves) -> {
          Tensor[] saved = new Tensor[count];
          for (int i = 0; i < count; i++) {
            saved[i] = saves.get(i);
          }
          List<@Nullable Tensor> grads =
              ThreadState.runUserCode(() -> backward(grad, List.of(saved)));
          return checked(getClass().getSimpleName(), grads, types, saves);
        });
  }

  static @Nullable Tensor[] checked(
      String name, List<@Nullable Tensor> grads, DType[] types, Saves saves) {
    if (grads.size() != types.length) {
      throw new TensorException(
          name
              + ".backward: returned "
              + grads.size()
              + " gradients for "
              + types.length
              + " inputs");
    }
    @Nullable Tensor[] wanted = new Tensor[types.length];
    for (int i = 0; i < types.length; i++) {
      Tensor grad = saves.needs(i) ? grads.get(i) : null;
      if (grad != null) {
        Check.dtype(name + ".backward", "gradient " + i, grad, types[i]);
      }
      wanted[i] = grad;
    }
    return wanted;
  }
}
