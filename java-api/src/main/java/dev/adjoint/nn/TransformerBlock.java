package dev.adjoint.nn;

import dev.adjoint.Tensor;

/**
 * A pre-norm transformer block: {@code x + attention(norm₁(x))}, then {@code x +
 * feedForward(norm₂(x))}. Named as in GPT-2: {@code ln_1}, {@code attn}, {@code ln_2}, {@code mlp}.
 */
public final class TransformerBlock extends Layer {
  private final Layer norm1;
  private final Layer attention;
  private final Layer norm2;
  private final Layer feedForward;

  /** Of parts that keep the shape of their input. */
  public TransformerBlock(Layer norm1, Layer attention, Layer norm2, Layer feedForward) {
    this.norm1 = module("ln_1", norm1);
    this.attention = module("attn", attention);
    this.norm2 = module("ln_2", norm2);
    this.feedForward = module("mlp", feedForward);
  }

  @Override
  public Tensor forward(Tensor x) {
    Tensor attended = x.add(attention.apply(norm1.apply(x)));
    return attended.add(feedForward.apply(norm2.apply(attended)));
  }
}
