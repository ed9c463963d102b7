package dev.adjoint.nn;

import dev.adjoint.Adjoint;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import dev.adjoint.ops.Attention;

/**
 * Multi-head attention of a sequence on itself, each position seeing those up to itself: [B, T,
 * channels] → [B, T, channels]. Named as in GPT-2: {@code c_attn} makes queries, keys and values in
 * one product, {@code c_proj} joins the heads.
 */
public final class CausalSelfAttention extends Layer {
  private final Linear qkv;
  private final Linear projection;
  private final Dropout residual;
  private final long heads;
  private final double dropout;

  /**
   * With heads of equal width.
   *
   * @param dropout the probability for attention weights and for the result
   * @throws TensorException if the heads do not divide the channels
   */
  public CausalSelfAttention(long channels, long heads, double dropout, boolean bias) {
    if (heads <= 0 || channels % heads != 0) {
      throw new TensorException(
          "causalSelfAttention: " + heads + " heads do not divide " + channels + " channels");
    }
    this.qkv = module("c_attn", new Linear(channels, 3 * channels, bias));
    this.projection = module("c_proj", new Linear(channels, channels, bias));
    this.residual = module("dropout", new Dropout(dropout));
    this.heads = heads;
    this.dropout = dropout;
  }

  @Override
  public Tensor forward(Tensor x) {
    long batch = x.size(0);
    long length = x.size(1);
    long channels = x.size(2);
    // [B, T, 3·C] → [3, B, heads, T, C / heads], all by strides.
    Tensor parts =
        qkv.apply(x).reshape(batch, length, 3, heads, channels / heads).permute(2, 0, 3, 1, 4);
    Tensor attended =
        isTraining() && dropout > 0
            ? Attention.scaledDotProductAttention(
                parts.select(0, 0),
                parts.select(0, 1),
                parts.select(0, 2),
                true,
                dropout,
                Adjoint.generator(x.device()))
            : Attention.selfAttention(parts, true);
    Tensor joined = attended.transpose(1, 2).reshape(batch, length, channels);
    return residual.apply(projection.apply(joined));
  }

  @Override
  protected String describe() {
    return "heads=" + heads;
  }
}
