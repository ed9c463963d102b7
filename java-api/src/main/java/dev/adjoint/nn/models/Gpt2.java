package dev.adjoint.nn.models;

import dev.adjoint.DType;
import dev.adjoint.Scope;
import dev.adjoint.ShapeMismatchException;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import dev.adjoint.nn.Activation;
import dev.adjoint.nn.CausalSelfAttention;
import dev.adjoint.nn.Dropout;
import dev.adjoint.nn.Embedding;
import dev.adjoint.nn.FeedForward;
import dev.adjoint.nn.Init;
import dev.adjoint.nn.LayerNorm;
import dev.adjoint.nn.Layer;
import dev.adjoint.nn.Sequential;
import dev.adjoint.nn.TransformerBlock;
import java.util.stream.Stream;

/**
 * The GPT-2 language model (Radford et al. 2019): indices I64 [B, T] → logits [B, T, vocabulary].
 * Parameters are named as in the original ({@code wte.weight}, {@code h.0.attn.c_attn.weight}, …);
 * linear weights are [out, in]. The token embedding is the output layer too, and counted once.
 */
public final class Gpt2 extends Layer {
  /**
   * Sizes.
   *
   * @param vocabulary how many different tokens there are
   * @param context the longest sequence
   * @param layers transformer blocks
   * @param heads of attention in each block; they divide the channels
   * @param channels the width of the residual stream
   * @param dropout the probability, 0 for none
   * @param bias whether linear layers and layer norms have one
   * @param activations the type of what flows between the layers: F32 for that of the parameters,
   *     or BF16 beside parameters of F32, which needs {@link dev.adjoint.Precision#BF16} in force;
   *     parameters, their gradients and the loss stay F32 then
   */
  public record Config(
      int vocabulary,
      int context,
      int layers,
      int heads,
      int channels,
      double dropout,
      boolean bias,
      DType activations) {

    /**
     * Checks the sizes.
     *
     * @throws TensorException if a size is not positive, or activations are neither F32 nor BF16
     */
    public Config {
      if (Stream.of(vocabulary, context, layers, heads, channels).anyMatch(size -> size <= 0)) {
        throw new TensorException(
            "gpt2: vocabulary, context, layers, heads and channels must be positive, got "
                + Stream.of(vocabulary, context, layers, heads, channels).toList());
      }
      if (activations != DType.F32 && activations != DType.BF16) {
        throw new TensorException("gpt2: activations are F32 or BF16, not " + activations);
      }
    }

    /** With activations of F32. */
    public Config(
        int vocabulary,
        int context,
        int layers,
        int heads,
        int channels,
        double dropout,
        boolean bias) {
      this(vocabulary, context, layers, heads, channels, dropout, bias, DType.F32);
    }

    /** With activations of another type. */
    public Config withActivations(DType type) {
      return new Config(vocabulary, context, layers, heads, channels, dropout, bias, type);
    }

    /** 124 million parameters. */
    public static Config gpt2() {
      return original(12, 12, 768);
    }

    /** 355 million parameters. */
    public static Config gpt2Medium() {
      return original(24, 16, 1024);
    }

    /** 774 million parameters. */
    public static Config gpt2Large() {
      return original(36, 20, 1280);
    }

    /** 1.56 billion parameters. */
    public static Config gpt2Xl() {
      return original(48, 25, 1600);
    }

    private static Config original(int layers, int heads, int channels) {
      return new Config(50257, 1024, layers, heads, channels, 0.1, true);
    }
  }

  private static final double EPS = 1e-5;

  private final Config config;
  private final Embedding tokens;
  private final Embedding positions;
  private final Dropout dropout;
  private final Sequential blocks;
  private final LayerNorm norm;

  /** With fresh parameters. {@link Init#skip} makes one for parameters that are loaded. */
  public Gpt2(Config config) {
    this.config = config;
    // The first values of the parts would be overwritten.
    int channels = config.channels();
    this.tokens = module("wte", Init.skip(() -> new Embedding(config.vocabulary(), channels)));
    this.positions = module("wpe", Init.skip(() -> new Embedding(config.context(), channels)));
    this.dropout = module("drop", new Dropout(config.dropout()));
    this.blocks =
        module(
            "h",
            Init.skip(
                () ->
                    new Sequential(
                        Stream.generate(() -> block(config)).limit(config.layers()).toList())));
    this.norm = module("ln_f", norm(config));
    namedParameters().forEach(this::initialize);
  }

  private static TransformerBlock block(Config config) {
    int channels = config.channels();
    double dropout = config.dropout();
    boolean bias = config.bias();
    return new TransformerBlock(
        norm(config),
        new CausalSelfAttention(channels, config.heads(), dropout, bias),
        norm(config),
        new FeedForward(channels, 4L * channels, Activation.geluTanh(), dropout, bias));
  }

  private static LayerNorm norm(Config config) {
    return new LayerNorm(config.channels(), EPS, config.bias());
  }

  /** N(0, 0.02), less for the projections that add up along the residual stream. */
  private void initialize(String name, Tensor parameter) {
    if (parameter.rank() == 2) {
      boolean projection = name.endsWith(".c_proj.weight");
      Init.normal_(parameter, 0, projection ? 0.02 / Math.sqrt(2.0 * config.layers()) : 0.02);
    } else if (name.endsWith(".bias")) {
      Init.zeros_(parameter);
    }
  }

  /** The sizes. */
  public Config config() {
    return config;
  }

  /**
   * The logits of the next token at each position.
   *
   * @param indices I64 or I32 [B, T], T at most the context
   * @return [B, T, vocabulary], of the activations' type
   * @throws ShapeMismatchException if the indices are no matrix or the sequence is too long
   */
  @Override
  public Tensor forward(Tensor indices) {
    if (indices.rank() != 2) {
      throw new ShapeMismatchException("gpt2: needs indices [B, T], got " + indices.shape());
    }
    long length = indices.size(1);
    if (length > config.context()) {
      throw new ShapeMismatchException(
          "gpt2: a sequence of "
              + length
              + " tokens is longer than the context of "
              + config.context()
              + "; give the last "
              + config.context());
    }
    // The first rows of the table rather than a lookup of 0, 1, …: no indices to make.
    Tensor embedded = tokens.apply(indices).add(positions.weight().slice(0, 0, length));
    boolean wide = config.activations() == DType.F32;
    Tensor stream = dropout.apply(wide ? embedded : embedded.to(config.activations()));
    Tensor hidden = norm.apply(blocks.apply(stream));
    return hidden.linear(tokens.weight(), null);
  }

  /**
   * The mean cross-entropy of the logits against the tokens that did follow.
   *
   * @param indices [B, T]
   * @param targets I64 or I32 [B, T]
   * @return a scalar, F32
   */
  public Tensor loss(Tensor indices, Tensor targets) {
    return Scope.tidy(
        () ->
            apply(indices)
                .reshape(indices.numel(), config.vocabulary())
                .crossEntropy(targets.reshape(targets.numel())));
  }
}
