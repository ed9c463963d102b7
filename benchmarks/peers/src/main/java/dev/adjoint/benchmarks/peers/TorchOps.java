package dev.adjoint.benchmarks.peers;

import static java.util.Map.entry;

import dev.adjoint.benchmarks.OpCase;
import dev.adjoint.benchmarks.OpCase.Input;
import dev.adjoint.benchmarks.Workload;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** The operations of {@link OpCase} in LibTorch. */
final class TorchOps {
  private static final Map<String, Function<Tensor[], Tensor>> OPS =
      Map.ofEntries(
          entry("add", x -> x[0].add(x[1])),
          entry("mul", x -> x[0].mul(x[1])),
          entry("relu", x -> x[0].relu()),
          entry("sigmoid", x -> x[0].sigmoid()),
          entry("tanh", x -> x[0].tanh()),
          entry("exp", x -> x[0].exp()),
          entry("erf", x -> x[0].erf()),
          entry("silu", x -> torch.silu(x[0])),
          entry("gelu", x -> torch.gelu(x[0], "none")),
          entry("gelu_tanh", x -> torch.gelu(x[0], "tanh")),
          entry("sum", x -> x[0].sum()),
          entry("sum_rows", x -> x[0].sum(1)),
          entry("sum_cols", x -> x[0].sum(0)),
          entry("max_rows", x -> Torch.maxOfRows(x[0])),
          entry("softmax", x -> torch.softmax(x[0], 1)),
          entry("log_softmax", x -> torch.log_softmax(x[0], 1)),
          entry("layer_norm", x -> Torch.layerNorm(x[0], x[1], x[2])),
          entry("rms_norm", x -> Torch.rmsNorm(x[0], x[1])),
          entry("cross_entropy", x -> torch.cross_entropy_loss(x[0], x[1])),
          entry("attention", x -> Torch.causalAttention(x[0], x[1], x[2])),
          entry("embedding", x -> torch.embedding(x[0], x[1])),
          entry("linear", x -> torch.linear(x[0], x[1], x[2])));

  private TorchOps() {}

  static Optional<Workload> prepare(OpCase c) {
    if (!c.dtype().equals("f32")) {
      return Optional.empty();
    }
    return c.isOptimizer()
        ? Optional.of(new OptimizerStep(c))
        : Optional.ofNullable(OPS.get(c.op())).map(op -> new Operation(c, op));
  }

  private static final class Operation implements Workload {
    private final OpCase c;
    private final Function<Tensor[], Tensor> op;
    private final Tensor[] inputs;
    private final Tensor[] differentiable;
    private final Tensor upstream;
    private Tensor output = new Tensor();

    Operation(OpCase c, Function<Tensor[], Tensor> op) {
      this.c = c;
      this.op = op;
      List<Input> kinds = c.inputs();
      this.inputs =
          IntStream.range(0, kinds.size())
              .mapToObj(p -> input(kinds.get(p), p))
              .toArray(Tensor[]::new);
      this.differentiable =
          IntStream.range(0, kinds.size())
              .filter(p -> c.backward() && !kinds.get(p).isIndex())
              .mapToObj(p -> inputs[p])
              .toArray(Tensor[]::new);
      for (Tensor input : differentiable) {
        input.set_requires_grad(true);
      }
      this.upstream = c.backward() ? upstream() : new Tensor();
    }

    private static Tensor input(Input input, int position) {
      long[] shape = input.shape().stream().mapToLong(Long::longValue).toArray();
      return input.isIndex()
          ? Torch.tensor("i64", i -> input.index(position, i), shape)
          : Torch.tensor("f32", i -> input.value(position, i), shape);
    }

    private Tensor upstream() {
      try (Tensor like = op.apply(inputs)) {
        return Torch.tensor("f32", c::upstream, like.shape());
      }
    }

    @Override
    public void run() {
      output.close();
      Torch.dropGradients(differentiable);
      output = op.apply(inputs);
      if (c.backward()) {
        Torch.backward(output, upstream);
      }
    }

    @Override
    public double[] result() {
      List<Tensor> gradients = Arrays.stream(differentiable).map(Tensor::grad).toList();
      try {
        List<Tensor> results = new ArrayList<>(List.of(output));
        results.addAll(gradients);
        return Torch.pick("f32", results);
      } finally {
        gradients.forEach(Tensor::close);
      }
    }

    @Override
    public void close() {
      output.close();
      upstream.close();
      Torch.close(inputs);
    }
  }

  private static final class OptimizerStep implements Workload {
    private static final double RATE = 1e-3;

    private final Tensor[] parameters;
    private final Optimizer optimizer;

    OptimizerStep(OpCase c) {
      List<Long> sizes = c.tensorSizes();
      this.parameters = new Tensor[sizes.size()];
      long start = 0;
      for (int p = 0; p < parameters.length; p++) {
        parameters[p] = part(c, 0, start, sizes.get(p));
        parameters[p].set_requires_grad(true);
        try (Tensor gradient = part(c, 1, start, sizes.get(p))) {
          parameters[p].mutable_grad().put(gradient);
        }
        start += sizes.get(p);
      }
      this.optimizer =
          c.op().equals("adamw") ? Torch.adamW(parameters, RATE) : Torch.sgd(parameters, RATE, 0.9);
    }

    private static Tensor part(OpCase c, int position, long start, long size) {
      Input input = c.inputs().get(position);
      return Torch.tensor("f32", i -> input.value(position, start + i), size);
    }

    @Override
    public void run() {
      optimizer.step().close();
    }

    @Override
    public double[] result() {
      return Torch.pick("f32", List.of(parameters));
    }

    @Override
    public void close() {
      optimizer.close();
      Torch.close(parameters);
    }
  }
}
