package dev.adjoint.nn;

import dev.adjoint.DType;
import dev.adjoint.Device;
import dev.adjoint.Scope;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import dev.adjoint.autograd.GradMode;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.UnaryOperator;

/**
 * The base of everything with parameters, PyTorch's {@code nn.Module}: owns parameters, buffers and
 * other modules, their names, the training mode and the state. What a module owns is registered in
 * its fields. How it is called is up to the subclass, which declares whatever methods it needs; by
 * convention the main one is called {@code apply}:
 *
 * <pre>{@code
 * final class Gate extends NeuralModule {
 *   private final Linear wanted = module("wanted", new Linear(8, 8));
 *   private final Parameter scale = parameter("scale", Init.ones(8));
 *
 *   record Result(Tensor value, Tensor gate) {}
 *
 *   Result apply(Tensor x, Tensor signal) {
 *     return Scope.tidy(() -> {
 *       Tensor gate = wanted.apply(signal).sigmoid();
 *       return new Result(x.mul(gate).mul(scale.get()), gate);
 *     });
 *   }
 * }
 * }</pre>
 *
 * {@link Scope#tidy} frees intermediate results when the method ends and lets the result live, also
 * the tensors in a record, list, map or array. Without it they live until the scope around ends. A
 * tensor that the method stores elsewhere, such as in a field, has to leave the scope by {@link
 * Scope#escape}. A module from one tensor to one tensor is a {@link Layer}, which does this by
 * itself.
 *
 * <p>Parameters belong to the module, not to the scope in which it was made: closing the module
 * closes those of the whole tree. The modules of this library make them in F32 on the default
 * device, unless {@link Init#as} or {@link Init#on} says otherwise.
 *
 * <p>It is not called {@code Module}, because every Java file sees {@link java.lang.Module} under
 * that name.
 */
public abstract class NeuralModule implements AutoCloseable {
  /** Calls of modules by modules, several frames each, have to fit into a thread's stack. */
  private static final int DEEPEST = 500;

  private final Map<String, Parameter> parameters = new LinkedHashMap<>();
  private final Map<String, Parameter> buffers = new LinkedHashMap<>();
  private final Map<String, NeuralModule> children = new LinkedHashMap<>();
  private boolean training = true;

  /** For subclasses. */
  protected NeuralModule() {}

  // ---- registration, by subclasses ----

  /**
   * Registers a tensor to be trained: it leaves its scope and wants a gradient. One that another
   * module owns too (tied weights) is counted once.
   *
   * @param init its first values, of a floating type; a leaf. {@link Init#zeros(long...)} makes one
   *     of the type and on the device that the module is made for
   * @return where the tensor is found: {@link #to} may put another in its place
   */
  protected final Parameter parameter(String name, Tensor init) {
    checkName(name);
    Parameter parameter = new Parameter(Scope.escape(init).requiresGrad_(true));
    parameters.put(name, parameter);
    return parameter;
  }

  /**
   * Registers a tensor that is saved with the module but not trained, such as a running mean.
   *
   * @return where the tensor is found: {@link #to} may put another in its place
   */
  protected final Parameter buffer(String name, Tensor init) {
    checkName(name);
    Parameter buffer = new Parameter(Scope.escape(init));
    buffers.put(name, buffer);
    return buffer;
  }

  /**
   * Registers a module inside this one.
   *
   * @return child
   * @throws TensorException if modules would be nested more than 500 deep
   */
  protected final <M extends NeuralModule> M module(String name, M child) {
    checkName(name);
    NeuralModule tree = child; // through its own type this class cannot see into it
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

  private void visit(BiConsumer<String, NeuralModule> visitor) {
    visit("", 1, visitor);
  }

  /**
   * Visits the tree.
   *
   * @param depth of this module in it; refused beyond a limit, so that no walk overflows the stack,
   *     even if a module is inside itself
   */
  private void visit(String prefix, int depth, BiConsumer<String, NeuralModule> visitor) {
    if (depth > DEEPEST) {
      throw new TensorException(
          "module: modules are nested more than "
              + DEEPEST
              + " deep, or one is inside itself; put those that follow each other into one"
              + " Sequential");
    }
    visitor.accept(prefix, this);
    for (Map.Entry<String, NeuralModule> child : children.entrySet()) {
      child.getValue().visit(prefix + child.getKey() + ".", depth + 1, visitor);
    }
  }

  /** The modules directly inside this one, by name. */
  public final Map<String, NeuralModule> children() {
    return Collections.unmodifiableMap(children);
  }

  /** All parameters of the tree with dotted names, in the order of registration; each once. */
  public final Map<String, Tensor> namedParameters() {
    Map<String, Tensor> named = new LinkedHashMap<>();
    Set<Tensor> seen = Collections.newSetFromMap(new IdentityHashMap<>());
    visit(
        (prefix, module) ->
            module.parameters.forEach(
                (name, parameter) -> {
                  if (seen.add(parameter.get())) {
                    named.put(prefix + name, parameter.get());
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

  // ---- type and device ----

  /**
   * Converts all parameters and buffers of the tree that are of a floating type; others, such as
   * counters, stay as they are. Gradients are dropped. The old tensors are closed, so make
   * optimizers and record captured steps afterwards, and convert modules that share parameters as
   * parts of one tree.
   *
   * @throws TensorException if the type is not floating, or if there is no memory for the new
   *     values; the module is unchanged then
   */
  public final void to(DType dtype) {
    if (!dtype.isFloating()) {
      throw new TensorException(
          "module: parameters are of a floating type such as F32, they cannot become " + dtype);
    }
    replaceTensors(tensor -> tensor.dtype().isFloating() ? tensor.to(dtype) : tensor);
  }

  /**
   * Moves all parameters and buffers of the tree. Gradients are dropped. The old tensors are
   * closed, so make optimizers and record captured steps afterwards, and move modules that share
   * parameters as parts of one tree.
   *
   * @throws TensorException if there is no such device or no memory there; the module is unchanged
   *     then
   */
  public final void to(Device device) {
    replaceTensors(tensor -> tensor.to(device));
  }

  private void replaceTensors(UnaryOperator<Tensor> conversion) {
    List<Parameter> all = new ArrayList<>();
    visit(
        (_, module) -> {
          all.addAll(module.parameters.values());
          all.addAll(module.buffers.values());
        });
    IdentityHashMap<Tensor, Tensor> converted = new IdentityHashMap<>(); // tied ones stay tied
    try (var _ = GradMode.off();
        var _ = Scope.open()) {
      // All that can fail, such as a lack of memory, before anything is changed.
      all.forEach(one -> converted.computeIfAbsent(one.get(), conversion));
      converted.forEach((old, made) -> made.requiresGrad_(old.requiresGrad()));
      all.forEach(one -> one.set(Scope.escape(Objects.requireNonNull(converted.get(one.get())))));
    }
    converted.forEach(
        (old, made) -> {
          if (old != made) {
            old.close();
          }
        });
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
            module.buffers.forEach((name, buffer) -> state.put(prefix + name, buffer.get())));
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
    for (Map.Entry<String, NeuralModule> child : children.entrySet()) {
      text.append(inside).append('(').append(child.getKey()).append("): ");
      child.getValue().append(text, inside);
    }
    text.append(children.isEmpty() ? ")" : newLine + ")");
  }
}
