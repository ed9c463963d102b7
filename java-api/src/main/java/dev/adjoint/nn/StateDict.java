package dev.adjoint.nn;

import dev.adjoint.Scope;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import dev.adjoint.autograd.GradMode;
import dev.adjoint.spi.Messages;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** Loading of named tensors into those of a module or an optimizer: everything or nothing. */
public final class StateDict {
  /** Of a state for something else, the first names say enough. */
  private static final int MOST_NAMED = 20;

  private StateDict() {}

  /**
   * Checks that the entries of {@code given} are those of {@code own}: names, shapes, types.
   *
   * @param owner who {@code own} belongs to, for the message
   * @throws TensorException naming the entries that do not fit, at most twenty of a kind
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
    List<String> unexpected =
        given.keySet().stream().filter(k -> !own.containsKey(k)).map(Messages::quoted).toList();
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
   * @throws TensorException as {@link #check} does, or if a tensor is closed or there is no memory
   *     to move one to the other's device; nothing has been copied then
   */
  public static void load(String owner, Map<String, Tensor> own, Map<String, Tensor> given) {
    check(owner, own, given);
    try (var _ = GradMode.off();
        var _ = Scope.open()) {
      // All that can fail, such as a lack of memory, before anything is changed.
      Map<String, Tensor> values = new LinkedHashMap<>();
      own.forEach(
          (name, tensor) ->
              values.put(
                  name, Objects.requireNonNull(given.get(name)).detach().to(tensor.device())));
      own.forEach((name, tensor) -> tensor.copy_(Objects.requireNonNull(values.get(name))));
    }
  }

  private static String describe(Tensor tensor) {
    return tensor.dtype() + " " + tensor.shape();
  }

  private static void append(StringBuilder problems, String kind, List<String> entries) {
    if (!entries.isEmpty()) {
      problems.append("; ").append(kind).append(": ");
      problems.append(String.join(", ", entries.subList(0, Math.min(MOST_NAMED, entries.size()))));
      if (entries.size() > MOST_NAMED) {
        problems.append(" and ").append(entries.size() - MOST_NAMED).append(" more");
      }
    }
  }
}
