package dev.adjoint.autograd;

import dev.adjoint.DType;
import dev.adjoint.Scope;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import dev.adjoint.graph.Graph;
import dev.adjoint.internal.ThreadState;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A {@link Function} with several outputs, two or more. Those of types that are not floating
 * (indices, say) have no gradient.
 *
 * <pre>{@code
 * final class SinCos extends MultiOutputFunction {
 *   @Override protected Result forward(List<Tensor> in) {
 *     Tensor sin = in.get(0).sin();
 *     Tensor cos = in.get(0).cos();
 *     return new Result(List.of(sin, cos), List.of(sin, cos));
 *   }
 *   @Override protected List<Tensor> backward(List<@Nullable Tensor> grads, List<Tensor> saved) {
 *     ... // grads.get(0) is null if nothing depends on the sine
 *   }
 * }
 * }</pre>
 */
public abstract class MultiOutputFunction {
  /** For subclasses. */
  protected MultiOutputFunction() {}

  /**
   * What {@link #forward} hands back.
   *
   * @param outputs the results, each another tensor
   * @param saved inputs, outputs, or other tensors, handed to {@link #backward}
   */
  public record Result(List<Tensor> outputs, List<Tensor> saved) {}

  /** Computes the outputs; nothing in it is recorded. */
  protected abstract Result forward(List<Tensor> inputs);

  /**
   * One gradient for each input, of its type and of a shape that sums to its shape; null where
   * there is none.
   *
   * @param grads the gradients of the outputs; null for one that nothing depends on, whose gradient
   *     is 0
   * @param saved what {@link #forward} saved
   */
  protected abstract List<@Nullable Tensor> backward(
      List<@Nullable Tensor> grads, List<Tensor> saved);

  /**
   * Runs the operation and records it.
   *
   * @throws TensorException if forward returns fewer than two outputs, or one of them twice
   */
  public final List<Tensor> apply(Tensor... inputs) {
    return Scope.tidy(() -> record(inputs));
  }

  private List<Tensor> record(Tensor[] inputs) {
    Result result;
    try (var _ = GradMode.off()) {
      result = forward(List.of(inputs));
    }
    Tensor[] outputs = result.outputs().toArray(Tensor[]::new);
    check(outputs);
    for (int i = 0; i < outputs.length; i++) {
      if (Arrays.asList(inputs).contains(outputs[i])) {
        outputs[i] = outputs[i].detach(); // an input keeps its own history
      }
    }
    int count = result.saved().size();
    // The product must not hold on to the handles themselves.
    DType[] types = Arrays.stream(inputs).map(Tensor::dtype).toArray(DType[]::new);
    String name = getClass().getSimpleName();
    Graph.recordAll(
        name,
        outputs,
        inputs,
        result.saved().toArray(Tensor[]::new),
        (grads, saves) -> {
          List<Tensor> saved = new ArrayList<>();
          for (int i = 0; i < count; i++) {
            saved.add(saves.get(i));
          }
          List<@Nullable Tensor> given = new ArrayList<>();
          Collections.addAll(given, grads);
          return Function.checked(
              name, ThreadState.runUserCode(() -> backward(given, saved)), types, saves);
        });
    return List.of(outputs);
  }

  private void check(Tensor[] outputs) {
    Set<Tensor> distinct = Collections.newSetFromMap(new IdentityHashMap<>());
    distinct.addAll(Arrays.asList(outputs));
    if (outputs.length < 2 || distinct.size() < outputs.length) {
      throw new TensorException(
          getClass().getSimpleName()
              + ".forward: returned "
              + outputs.length
              + " outputs, "
              + distinct.size()
              + " of them different; it must be two or more, each another tensor");
    }
  }
}
