package dev.adjoint.graph;

import dev.adjoint.Scope;
import dev.adjoint.Shape;
import dev.adjoint.ShapeMismatchException;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import dev.adjoint.internal.Broadcasting;
import dev.adjoint.internal.Check;
import dev.adjoint.internal.TensorState;
import dev.adjoint.internal.Tensors;
import dev.adjoint.internal.ThreadState;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The chain rule as a walk: operations in descending order of creation, each once, when all its
 * gradient has arrived. No recursion, so the depth of the graph does not matter.
 */
public final class BackwardPass {
  private final boolean retainGraph;
  private final boolean createGraph;
  private final PriorityQueue<WalkedNode> queue =
      new PriorityQueue<>(Comparator.comparingLong((WalkedNode n) -> n.sequence).reversed());
  private final Map<Node, Tensor> pending = new HashMap<>();

  /** The gradients that have arrived at operations with several results, by result. */
  private final Map<OpNode, @Nullable Tensor[]> pendingOfAll = new HashMap<>();

  private final @Nullable Map<Node, Integer> asked;
  private final @Nullable Set<Node> onPath;
  private final @Nullable Tensor[] answers;

  private BackwardPass(
      boolean retainGraph,
      boolean createGraph,
      @Nullable Map<Node, Integer> asked,
      @Nullable Set<Node> onPath) {
    this.retainGraph = retainGraph;
    this.createGraph = createGraph;
    this.asked = asked;
    this.onPath = onPath;
    this.answers = new Tensor[asked == null ? 0 : asked.size()];
  }

  /** Adds the gradient of {@code root} to every leaf behind it. */
  public static void accumulate(
      Tensor root, @Nullable Tensor seed, boolean retainGraph, boolean createGraph) {
    Node node = holdNode(root, "backward");
    try (var _ = Tensors.openScope()) {
      BackwardPass pass = new BackwardPass(retainGraph, createGraph, null, null);
      pass.walk(List.of(node), List.of(seed(root, seed, createGraph)));
    } finally {
      node.release();
    }
  }

  /**
   * The gradients of {@code outputs}, weighted by {@code seeds}, with respect to {@code inputs};
   * null for an input that no output depends on. The leaves' own gradients stay as they are.
   */
  public static List<@Nullable Tensor> gradients(
      List<Tensor> outputs,
      List<? extends @Nullable Tensor> seeds,
      List<Tensor> inputs,
      boolean retainGraph,
      boolean createGraph) {
    Map<Node, Integer> asked = new HashMap<>();
    int[] slot = new int[inputs.size()];
    List<Node> held = new ArrayList<>();
    try (Scope scope = Tensors.openScope()) {
      for (int i = 0; i < slot.length; i++) {
        Node node = holdNode(inputs.get(i), "grad");
        held.add(node);
        slot[i] = asked.computeIfAbsent(node, n -> asked.size());
      }
      List<Node> roots = new ArrayList<>();
      List<Tensor> starts = new ArrayList<>();
      for (int i = 0; i < outputs.size(); i++) {
        Node root = holdNode(outputs.get(i), "grad");
        held.add(root);
        roots.add(root);
        starts.add(seed(outputs.get(i), seeds.get(i), createGraph));
      }
      Set<Node> onPath = nodesTowards(asked.keySet(), roots);
      BackwardPass pass = new BackwardPass(retainGraph, createGraph, asked, onPath);
      pass.walk(roots, starts);
      List<@Nullable Tensor> results = new ArrayList<>();
      boolean[] given = new boolean[pass.answers.length];
      for (int s : slot) {
        Tensor answer = pass.answers[s];
        results.add(answer == null ? null : scope.keep(given[s] ? answer.copy() : own(answer)));
        given[s] = true;
      }
      return results;
    } finally {
      held.forEach(Node::release);
    }
  }

  /**
   * An answer that shares memory with no other tensor: not with the seed, nor with another answer.
   */
  private static Tensor own(Tensor answer) {
    return Tensors.state(answer).storage().isAliased() ? answer.copy() : answer;
  }

  /** The tensor's node with a hold: another thread may close its handle during the pass. */
  private static Node holdNode(Tensor tensor, String what) {
    Node node = Node.retain(Tensors.state(tensor));
    if (node == null) {
      throw new TensorException(
          what
              + ": this tensor "
              + tensor.shape()
              + " does not depend on anything that requires a gradient; call requiresGrad_(true) on a"
              + " leaf before computing with it, outside GradMode.off()");
    }
    return node;
  }

  private static Tensor seed(Tensor root, @Nullable Tensor seed, boolean createGraph) {
    if (seed == null) {
      if (root.numel() != 1) {
        throw new ShapeMismatchException(
            "backward: needs a scalar, got shape "
                + root.shape()
                + "; reduce it (sum, mean) or pass the gradient to start from");
      }
      return Tensor.full(root.shape(), 1, root.dtype(), root.device());
    }
    if (!seed.shape().equals(root.shape())) {
      throw new ShapeMismatchException(
          "backward: the gradient to start from has shape "
              + seed.shape()
              + ", the tensor "
              + root.shape());
    }
    Check.alike("backward", root, seed);
    return createGraph ? handle(seed) : seed.detach();
  }

  /** Of all nodes behind the roots, those from which an asked one can be reached. */
  private static Set<Node> nodesTowards(Set<Node> asked, List<Node> roots) {
    Set<Node> seen = new HashSet<>(roots);
    List<Node> order = new ArrayList<>(seen);
    for (int i = 0; i < order.size(); i++) {
      for (Node input : order.get(i).inputs()) {
        if (input != null && seen.add(input)) {
          order.add(input);
        }
      }
    }
    order.sort(
        Comparator.comparingLong(n -> n instanceof WalkedNode walked ? walked.sequence : -1));
    Set<Node> towards = new HashSet<>();
    for (Node node : order) {
      if (asked.contains(node) || Arrays.stream(node.inputs()).anyMatch(towards::contains)) {
        towards.add(node);
      }
    }
    return towards;
  }

  private void walk(List<Node> roots, List<Tensor> starts) {
    try (var _ = ThreadState.gradOff(!createGraph)) {
      for (int i = 0; i < roots.size(); i++) {
        if (isWanted(roots.get(i))) {
          arrive(roots.get(i), starts.get(i));
        }
      }
      for (WalkedNode node = queue.poll(); node != null; node = queue.poll()) {
        if (node instanceof OpNode operation && operation.results() > 1) {
          propagate(operation, Objects.requireNonNull(pendingOfAll.remove(operation)));
          continue;
        }
        Tensor grad = Objects.requireNonNull(pending.remove(node));
        Integer slot = asked == null ? null : asked.get(node);
        if (slot != null) {
          answers[slot] = handle(grad);
        }
        if (node instanceof OutputNode output) {
          handOn(output, grad);
        } else {
          propagate((OpNode) node, new Tensor[] {grad});
        }
      }
    }
  }

  /** The gradient of one of several results is there: the operation waits for the others. */
  private void handOn(OutputNode output, Tensor grad) {
    OpNode operation = output.operation();
    if (!isWanted(operation)) {
      grad.close();
      return;
    }
    @Nullable Tensor[] grads = pendingOfAll.get(operation);
    if (grads == null) {
      grads = new Tensor[operation.results()];
      pendingOfAll.put(operation, grads);
      queue.add(operation);
    }
    Tensor before = grads[output.index()];
    grads[output.index()] = before == null ? grad : sum(before, grad);
  }

  private boolean isWanted(@Nullable Node node) {
    return node != null && (onPath == null || onPath.contains(node));
  }

  private void propagate(OpNode node, @Nullable Tensor[] results) {
    @Nullable Node[] inputs = node.inputs();
    boolean[] needed = new boolean[inputs.length];
    boolean any = false;
    for (int i = 0; i < inputs.length; i++) {
      needed[i] = isWanted(inputs[i]);
      any |= needed[i];
    }
    if (!any) {
      closeAll(results);
      return;
    }
    @Nullable Tensor[] owned = new Tensor[inputs.length];
    try (Scope inner = Tensors.openScope()) {
      @Nullable Tensor[] grads = node.backward(results, needed, createGraph, this);
      for (int i = 0; i < inputs.length; i++) {
        Tensor raw = grads[i];
        if (needed[i] && raw != null) {
          // A handle of our own: the product may be the incoming gradient, or somebody's tensor.
          owned[i] = inner.keep(handle(summed(node, i, raw)));
        }
      }
    }
    if (!retainGraph && !createGraph) {
      node.spend();
    }
    closeAll(results);
    for (int i = 0; i < inputs.length; i++) {
      Node input = inputs[i];
      Tensor contribution = owned[i];
      if (input != null && contribution != null) {
        arrive(input, contribution);
      }
    }
  }

  private static void closeAll(@Nullable Tensor[] tensors) {
    for (Tensor tensor : tensors) {
      if (tensor != null) {
        tensor.close();
      }
    }
  }

  private static Tensor summed(OpNode node, int i, Tensor grad) {
    Shape wanted = node.inputShape(i);
    if (!Broadcasting.fits(wanted, grad.shape())) {
      throw new ShapeMismatchException(
          node.name()
              + ": its backward gave input "
              + i
              + " of shape "
              + wanted
              + " a gradient of shape "
              + grad.shape());
    }
    return sumTo(grad, wanted);
  }

  /** {@code x} summed to a shape that broadcasts to x's: the adjoint of broadcasting. */
  private static Tensor sumTo(Tensor x, Shape target) {
    Shape shape = x.shape();
    if (shape.equals(target)) {
      return x;
    }
    int lead = shape.rank() - target.rank();
    int[] dims =
        IntStream.range(0, shape.rank())
            .filter(d -> d < lead || (target.size(d - lead) == 1 && shape.size(d) != 1))
            .toArray();
    return Tensors.tidy(() -> (dims.length == 0 ? x : x.sum(true, dims)).reshape(target.toArray()));
  }

  /** A second handle on the same tensor, in the current scope. */
  private static Tensor handle(Tensor tensor) {
    TensorState state = Tensors.state(tensor);
    Node node = Node.retain(state);
    try {
      state.pin();
    } catch (RuntimeException e) {
      if (node != null) {
        node.release();
      }
      throw e;
    }
    return Tensors.wrap(
        new TensorState(state.storage(), state.view().layout(), state.view().dtype(), node));
  }

  /** A gradient has arrived, as a handle that the pass owns. */
  private void arrive(Node node, Tensor grad) {
    if (node instanceof LeafNode leaf && asked == null) {
      leaf.accumulate(grad, createGraph);
      return;
    }
    if (node instanceof LeafNode) {
      // Asked for, since only wanted nodes get here.
      @SuppressWarnings("NullAway")
      int slot = asked.get(node);
      Tensor before = answers[slot];
      answers[slot] = before == null ? grad : sum(before, grad);
      return;
    }
    Tensor before = pending.get(node);
    if (before == null) {
      pending.put(node, grad);
      queue.add((WalkedNode) node);
    } else {
      pending.put(node, sum(before, grad));
    }
  }

  /** What has arrived at a node so far, if more can be added to it in place. */
  private @Nullable Tensor sum(Node node) {
    if (createGraph) {
      return null;
    }
    if (node instanceof LeafNode leaf && asked == null) {
      return leaf.sum();
    }
    Tensor before = pending.get(node);
    if (node instanceof LeafNode && asked != null) {
      Integer slot = asked.get(node);
      before = slot == null ? null : answers[slot];
    }
    return before != null && isOwn(before) ? before : null;
  }

  /** Lets an addition add to what has arrived at a node; false if that is not possible. */
  boolean addTo(Node node, Consumer<Tensor> addition) {
    Tensor before = sum(node);
    if (before == null) {
      return false;
    }
    if (node instanceof LeafNode leaf && asked == null) {
      return leaf.addTo(addition);
    }
    addition.accept(before);
    return true;
  }

  /** Whether a gradient is dense and nobody else can see its memory. */
  private static boolean isOwn(Tensor grad) {
    return Tensors.state(grad).storage().isExclusive() && Tensors.layout(grad).isContiguous();
  }

  private Tensor sum(Tensor before, Tensor grad) {
    if (!createGraph && isOwn(before)) {
      before.add_(grad);
      grad.close();
      return before;
    }
    Tensor total = before.add(grad);
    before.close();
    grad.close();
    return total;
  }
}
