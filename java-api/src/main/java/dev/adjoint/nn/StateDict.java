package dev.adjoint.nn;

import dev.adjoint.Scope;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import dev.adjoint.autograd.GradMode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** Loading of named tensors into those of a module or an optimizer: everything or nothing. */
public final class StateDict {
  private StateDict() {}

  /**
   * Checks that the entries of {@code given} are those of {@code own}: names, shapes, types.
   *
   * @param owner who {@code own} belongs to, for the message
   * @throws TensorException naming every entry that does not fit
   */
  public static void check(String owner, Map<String, Tensor> own, Map<String, Tensor> given) {
    List<String> missing = new ArrayList<>();
    List<String> misfits = new ArrayList<>();
    own.forEach(
        (name, tensor) -> {
          Tensor other = given.get(name);
          if (other == null) {
            missing.add(name);
          } else if (!other.shape().equals(tensor.shape()) || other.dtype() != tensor.dtype()) {
            misfits.add(name + " is " + describe(tensor) + ", given " + describe(other));
          }
        });
    List<String> unexpected = given.keySet().stream().filter(k -> !own.containsKey(k)).toList();
    StringBuilder problems = new StringBuilder();
    append(problems, "missing", missing);
    append(problems, "unexpected", unexpected);
    append(problems, "of another shape or type", misfits);
    if (!problems.isEmpty()) {
      throw new TensorException("loadStateDict: the state does not fit " + owner + problems);
    }
  }

  /**
   * Copies the values of {@code given} into {@code own}, after {@link #check}.
   *
   * @throws TensorException naming every entry that does not fit; nothing has been copied then
   */
  public static void load(String owner, Map<String, Tensor> own, Map<String, Tensor> given) {
    check(owner, own, given);
    try (var _ = GradMode.off();
        var _ = Scope.open()) {
      own.forEach(
          (name, tensor) -> {
            Tensor values = Objects.requireNonNull(given.get(name));
            tensor.copy_(values.to(tensor.device()));
          });
    }
  }

  private static String describe(Tensor tensor) {
    return tensor.dtype() + " " + tensor.shape();
  }

  private static void append(StringBuilder problems, String kind, List<String> entries) {
    if (!entries.isEmpty()) {
      problems.append("; ").append(kind).append(": ").append(String.join(", ", entries));
    }
  }
}
