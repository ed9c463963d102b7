package dev.adjoint.nn;

import dev.adjoint.Scope;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;

/**
 * A function of one tensor with parameters of its own, built of other modules. What a module owns
 * is registered in its fields, and that is all there is to write beside {@link #forward}:
 *
 * <pre>{@code
 * final class Mlp extends Module {
 *   private final Linear hidden = module("hidden", new Linear(2, 32));
 *   private final Linear output = module("output", new Linear(32, 1));
 *
 *   @Override
 *   public Tensor forward(Tensor x) {
 *     return output.apply(hidden.apply(x).gelu());
 *   }
 * }
 * }</pre>
 *
 * Parameters belong to the module, not to the scope in which it was made: closing the module closes
 * those of the whole tree.
 *
 * <p>Import it by name, since {@code java.lang} has a {@code Module} too.
 */
public abstract class Module implements AutoCloseable {
  /** Calls of modules by modules, several frames each, have to fit into a thread's stack. */
  private static final int DEEPEST = 500;

  private final Map<String, Tensor> parameters = new LinkedHashMap<>();
  private final Map<String, Tensor> buffers = new LinkedHashMap<>();
  private final Map<String, Module> children = new LinkedHashMap<>();
  private boolean training = true;

  /** For subclasses. */
  protected Module() {}

  /** Computes the result; call {@link #apply} instead, which frees intermediate results early. */
  public abstract Tensor forward(Tensor x);

  /**
   * Runs {@link #forward} in a scope of its own: of the tensors born there only the result stays,
   * and what the graph needs for the gradients.
   */
  public final Tensor apply(Tensor x) {
    return Scope.tidy(() -> forward(x));
  }

  // ---- registration, by subclasses ----

  /**
   * Registers a tensor to be trained: it leaves its scope and wants a gradient. One that another
   * module owns too (tied weights) is counted once.
   *
   * @param init its first values, F32 or F64; a leaf
   * @return init
   */
  protected final Tensor parameter(String name, Tensor init) {
    checkName(name);
    parameters.put(name, Scope.escape(init).requiresGrad_(true));
    return init;
  }

  /**
   * Registers a tensor that is saved with the module but not trained, such as a running mean.
   *
   * @return init
   */
  protected final Tensor buffer(String name, Tensor init) {
    checkName(name);
    buffers.put(name, Scope.escape(init));
    return init;
  }

  /**
   * Registers a module inside this one.
   *
   * @return child
   * @throws TensorException if modules would be nested more than 500 deep
   */
  protected final <M extends Module> M module(String name, M child) {
    checkName(name);
    Module tree = child; // through its own type this class cannot see into it
    tree.visit(name + ".", 2, (_, _) -> {});
    children.put(name, child);
    return child;
  }

  private void checkName(String name) {
    if (name.isEmpty() || name.contains(".")) {
      throw new TensorException(
          "module: '" + name + "' cannot be a name: it must not be empty or contain a dot");
    }
    if (parameters.containsKey(name) || buffers.containsKey(name) || children.containsKey(name)) {
      throw new TensorException("module: the name '" + name + "' is taken already");
    }
  }

  // ---- the tree ----

  private void visit(BiConsumer<String, Module> visitor) {
    visit("", 1, visitor);
  }

  /**
   * Visits the tree.
   *
   * @param depth of this module in it; refused beyond a limit, so that no walk overflows the stack,
   *     even if a module is inside itself
   */
  private void visit(String prefix, int depth, BiConsumer<String, Module> visitor) {
    if (depth > DEEPEST) {
      throw new TensorException(
          "module: modules are nested more than "
              + DEEPEST
              + " deep, or one is inside itself; put those that follow each other into one"
              + " Sequential");
    }
    visitor.accept(prefix, this);
    for (Map.Entry<String, Module> child : children.entrySet()) {
      child.getValue().visit(prefix + child.getKey() + ".", depth + 1, visitor);
    }
  }

  /** The modules directly inside this one, by name. */
  public final Map<String, Module> children() {
    return Collections.unmodifiableMap(children);
  }

  /** All parameters of the tree with dotted names, in the order of registration; each once. */
  public final Map<String, Tensor> namedParameters() {
    Map<String, Tensor> named = new LinkedHashMap<>();
    Set<Tensor> seen = Collections.newSetFromMap(new IdentityHashMap<>());
    visit(
        (prefix, module) ->
            module.parameters.forEach(
                (name, tensor) -> {
                  if (seen.add(tensor)) {
                    named.put(prefix + name, tensor);
                  }
                }));
    return named;
  }

  /** All parameters of the tree, each once. */
  public final List<Tensor> parameters() {
    return new ArrayList<>(namedParameters().values());
  }

  /** The number of trained values. */
  public final long numParameters() {
    return parameters().stream().mapToLong(Tensor::numel).sum();
  }

  // ---- training and evaluation ----

  /** Switches the tree to training: dropout drops. New modules are in this mode. */
  public final void train() {
    visit((_, module) -> module.training = true);
  }

  /** Switches the tree to evaluation: dropout passes everything through. */
  public final void eval() {
    visit((_, module) -> module.training = false);
  }

  /** Whether it is in training mode. */
  public final boolean isTraining() {
    return training;
  }

  /** Drops the gradients of all parameters. */
  public final void zeroGrad() {
    parameters().forEach(Tensor::zeroGrad);
  }

  // ---- state ----

  /**
   * All parameters and buffers by name. The tensors share memory with the module, carry no gradient
   * and are born in the current scope.
   */
  public final Map<String, Tensor> stateDict() {
    Map<String, Tensor> state = new LinkedHashMap<>();
    namedState().forEach((name, tensor) -> state.put(name, tensor.detach()));
    return state;
  }

  /**
   * Takes over the values of a {@link #stateDict}, from any device.
   *
   * @throws TensorException naming missing, unexpected and wrongly shaped or typed entries, or if
   *     there is no memory to move them here; the module is unchanged then
   */
  public final void loadStateDict(Map<String, Tensor> state) {
    StateDict.load(getClass().getSimpleName(), namedState(), state);
  }

  private Map<String, Tensor> namedState() {
    Map<String, Tensor> state = namedParameters();
    visit(
        (prefix, module) ->
            module.buffers.forEach((name, tensor) -> state.put(prefix + name, tensor)));
    return state;
  }

  /** Closes all parameters and buffers of the tree, with their gradients. */
  @Override
  public void close() {
    namedState().values().forEach(Tensor::close);
  }

  // ---- text ----

  /** What {@link #toString} says of the module itself: its sizes and settings. */
  protected String describe() {
    return "";
  }

  /** The tree, as PyTorch prints it. */
  @Override
  public final String toString() {
    visit((_, _) -> {}); // not too deep for the next lines
    StringBuilder text = new StringBuilder();
    append(text, "\n");
    return text.toString();
  }

  private void append(StringBuilder text, String newLine) {
    text.append(getClass().getSimpleName()).append('(');
    text.append(describe().replace("\n", newLine));
    String inside = newLine + "  ";
    for (Map.Entry<String, Module> child : children.entrySet()) {
      text.append(inside).append('(').append(child.getKey()).append("): ");
      child.getValue().append(text, inside);
    }
    text.append(children.isEmpty() ? ")" : newLine + ")");
  }
}
