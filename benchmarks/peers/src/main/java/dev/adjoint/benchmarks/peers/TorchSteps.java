package dev.adjoint.benchmarks.peers;

import dev.adjoint.benchmarks.StepCase;
import dev.adjoint.benchmarks.Workload;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/** The training steps of {@link StepCase} in LibTorch. */
final class TorchSteps {
  private TorchSteps() {}

  static Optional<Workload> prepare(StepCase c) {
    if (!c.equals(new StepCase(c.model(), c.optimizer()))) {
      return Optional.empty();
    }
    return Optional.of(
        switch (c.model()) {
          case SCALAR_LOOP -> new ScalarLoop();
          case MLP_32, MLP_128 -> new Training(c, new Mlp(c));
          case CHAR_GPT, GPT2_B4_T64, GPT2_B1_T256, GPT2_B8_T1024, GPT2_B32_T1024 ->
              new Training(c, new Gpt2(c));
        });
  }

  /** w −= 0.1 ∇(2w − 8)², written out. */
  private static final class ScalarLoop implements Workload {
    private final Scalar two = new Scalar(2.0);
    private final Scalar eight = new Scalar(8.0);
    private final Scalar rate = new Scalar(0.1);
    private final Tensor w = Torch.tensor("f32", i -> 1).set_requires_grad(true);
    private double loss;

    @Override
    public void run() {
      try (Tensor doubled = w.mul(two);
          Tensor difference = doubled.sub(eight);
          Tensor squared = difference.square()) {
        squared.backward();
        loss = squared.item_double();
      }
      GradMode.set_enabled(false);
      try (Tensor gradient = w.mutable_grad()) {
        w.sub_(gradient, rate);
        gradient.reset();
      }
      GradMode.set_enabled(true);
    }

    @Override
    public double[] result() {
      return new double[] {loss};
    }

    @Override
    public void close() {
      w.close();
      two.close();
      eight.close();
      rate.close();
    }
  }

  /** Gradients dropped, forward, backward, optimizer. */
  private static final class Training implements Workload {
    private final Model model;
    private final Tensor[] parameters;
    private final @Nullable Optimizer optimizer;
    private Tensor loss = new Tensor();

    Training(StepCase c, Model model) {
      this.model = model;
      this.parameters = model.parameters.toArray(Tensor[]::new);
      this.optimizer =
          switch (c.optimizer()) {
            case NONE -> null;
            case SGD -> Torch.sgd(parameters, StepCase.SGD_RATE, 0);
            case ADAMW -> Torch.adamW(parameters, StepCase.ADAMW_RATE);
          };
    }

    @Override
    public void run() {
      loss.close();
      Torch.dropGradients(parameters);
      loss = model.loss();
      loss.backward();
      if (optimizer != null) {
        optimizer.step().close();
      }
    }

    @Override
    public double[] result() {
      double[] value = Torch.pick("f32", List.of(loss));
      if (optimizer != null) {
        return value;
      }
      try (Tensor first = parameters[0].grad()) {
        double[] gradient = Torch.pick("f32", List.of(first));
        double[] all = new double[1 + gradient.length];
        all[0] = value[0];
        System.arraycopy(gradient, 0, all, 1, gradient.length);
        return all;
      }
    }

    @Override
    public void close() {
      loss.close();
      if (optimizer != null) {
        optimizer.close();
      }
      model.close();
    }
  }

  /** Parameters in the order in which our modules have them, and what is computed with them. */
  private abstract static class Model implements AutoCloseable {
    final List<Tensor> parameters = new ArrayList<>();

    abstract Tensor loss();

    final Tensor matrix(long rows, long columns) {
      return parameter(true, false, rows, columns);
    }

    final Tensor bias(long size) {
      return parameter(false, true, size);
    }

    final Tensor normWeight(long size) {
      return parameter(false, false, size);
    }

    private Tensor parameter(boolean matrix, boolean bias, long... shape) {
      int position = parameters.size();
      Tensor made = Torch.tensor("f32", i -> StepCase.parameter(position, matrix, bias, i), shape);
      made.set_requires_grad(true);
      parameters.add(made);
      return made;
    }

    @Override
    public void close() {
      Torch.close(parameters.toArray(Tensor[]::new));
    }
  }

  private static final class Linear {
    private final Tensor weight;
    private final Tensor bias;

    Linear(Model model, long in, long out) {
      this.weight = model.matrix(out, in);
      this.bias = model.bias(out);
    }

    Tensor apply(Tensor x) {
      return torch.linear(x, weight, bias);
    }
  }

  private static final class LayerNorm {
    private final Tensor weight;
    private final Tensor bias;

    LayerNorm(Model model, long size) {
      this.weight = model.normWeight(size);
      this.bias = model.bias(size);
    }

    Tensor apply(Tensor x) {
      return Torch.layerNorm(x, weight, bias);
    }
  }

  private static final class Mlp extends Model {
    private static final long PIXELS = 784;
    private static final long HIDDEN = 128;

    private final Linear hidden = new Linear(this, PIXELS, HIDDEN);
    private final Linear output = new Linear(this, HIDDEN, 10);
    private final Tensor givenPixels;
    private final Tensor givenTargets;
    private final Tensor pixels;
    private final Tensor targets;

    Mlp(StepCase c) {
      this.givenPixels = Torch.tensor("f32", StepCase::pixel, c.model().batch, PIXELS);
      this.givenTargets = Torch.tensor("i64", c::target, c.model().batch);
      this.pixels = givenPixels.clone();
      this.targets = givenTargets.clone();
    }

    @Override
    Tensor loss() {
      pixels.copy_(givenPixels);
      targets.copy_(givenTargets);
      try (Tensor sums = hidden.apply(pixels);
          Tensor active = sums.relu();
          Tensor logits = output.apply(active)) {
        return torch.cross_entropy_loss(logits, targets);
      }
    }

    @Override
    public void close() {
      super.close();
      Torch.close(givenPixels, givenTargets, pixels, targets);
    }
  }

  private static final class Gpt2 extends Model {
    private final StepCase.Model sizes;
    private final Tensor tokenTable;
    private final Tensor positionTable;
    private final List<Block> blocks = new ArrayList<>();
    private final LayerNorm norm;
    private final Tensor tokens;
    private final Tensor targets;

    Gpt2(StepCase c) {
      this.sizes = c.model();
      long width = sizes.width();
      this.tokenTable = matrix(sizes.vocabulary(), width);
      this.positionTable = matrix(sizes.context(), width);
      for (int i = 0; i < sizes.layers(); i++) {
        blocks.add(new Block());
      }
      this.norm = new LayerNorm(this, width);
      this.tokens = Torch.tensor("i64", c::token, sizes.batch, sizes.length);
      this.targets = Torch.tensor("i64", c::target, tokens.numel());
    }

    /** Pre-norm, with the tanh approximation of GELU. */
    private final class Block {
      private final long width = sizes.width();
      private final LayerNorm norm1 = new LayerNorm(Gpt2.this, width);
      private final Linear qkv = new Linear(Gpt2.this, width, 3 * width);
      private final Linear projection = new Linear(Gpt2.this, width, width);
      private final LayerNorm norm2 = new LayerNorm(Gpt2.this, width);
      private final Linear expand = new Linear(Gpt2.this, width, 4 * width);
      private final Linear project = new Linear(Gpt2.this, 4 * width, width);

      Tensor apply(Tensor x) {
        try (x;
            PointerScope _ = new PointerScope()) {
          TensorVector parts = qkv.apply(norm1.apply(x)).split(width, 2);
          Tensor attended =
              Torch.causalAttention(heads(parts.get(0)), heads(parts.get(1)), heads(parts.get(2)));
          Tensor joined = attended.transpose(1, 2).reshape(sizes.batch, sizes.length, width);
          Tensor middle = x.add(projection.apply(joined));
          Tensor activated = torch.gelu(expand.apply(norm2.apply(middle)), "tanh");
          return kept(middle.add(project.apply(activated)));
        }
      }

      private Tensor heads(Tensor x) {
        return x.view(sizes.batch, sizes.length, sizes.heads(), width / sizes.heads())
            .transpose(1, 2);
      }
    }

    @Override
    Tensor loss() {
      Tensor x = embedded();
      for (Block block : blocks) {
        x = block.apply(x);
      }
      return loss(x);
    }

    // Each part closes what it is given and all that it makes, but for its result.

    private Tensor embedded() {
      try (PointerScope _ = new PointerScope()) {
        Tensor positions = positionTable.narrow(0, 0, sizes.length);
        return kept(torch.embedding(tokenTable, tokens).add(positions));
      }
    }

    private Tensor loss(Tensor x) {
      try (x;
          PointerScope _ = new PointerScope()) {
        Tensor logits = torch.linear(norm.apply(x), tokenTable).view(-1, sizes.vocabulary());
        return kept(torch.cross_entropy_loss(logits, targets));
      }
    }

    /** Outlives the scope of its birth. */
    private static Tensor kept(Tensor x) {
      return x.retainReference();
    }

    @Override
    public void close() {
      super.close();
      Torch.close(tokens, targets);
    }
  }
}
