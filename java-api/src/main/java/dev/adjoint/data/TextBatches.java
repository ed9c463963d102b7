package dev.adjoint.data;

import dev.adjoint.Generator;
import dev.adjoint.Scope;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;

/**
 * Random windows of a text: inputs I64 [batch, context], and as targets the token that follows each
 * of them.
 */
public final class TextBatches implements Batches {
  /** Java virtual machines make no longer arrays. */
  private static final int MOST_TOKENS = Integer.MAX_VALUE - 8;

  /** Half as large as the tokens that tensors have: a text may be long. */
  private final int[] tokens;

  private final Shape shape;
  private final Generator generator;

  /**
   * Windows of {@code context} tokens each.
   *
   * @param tokens each at least 0 and below 2³¹
   * @param generator chooses the windows; its device is that of the batches
   * @throws TensorException if the text has no window of context + 1 tokens, if there is another
   *     token, or if a batch has more tokens than a Java array
   */
  public TextBatches(long[] tokens, int batch, int context, Generator generator) {
    if (batch <= 0 || context <= 0) {
      throw new TensorException(
          "textBatches: batch and context must be positive, got " + batch + " and " + context);
    }
    if (tokens.length <= context) {
      throw new TensorException(
          "textBatches: the text has "
              + tokens.length
              + " tokens, too few for a context of "
              + context
              + " and the token after it");
    }
    if ((long) batch * context > MOST_TOKENS) {
      throw new TensorException(
          "textBatches: "
              + batch
              + " windows of "
              + context
              + " tokens are more than the "
              + MOST_TOKENS
              + " that a Java array holds; take fewer");
    }
    this.tokens = compact(tokens);
    this.shape = Shape.of(batch, context);
    this.generator = generator;
  }

  private static int[] compact(long[] tokens) {
    int[] compact = new int[tokens.length];
    for (int i = 0; i < tokens.length; i++) {
      if (tokens[i] < 0 || tokens[i] > Integer.MAX_VALUE) {
        throw new TensorException(
            "textBatches: the token "
                + tokens[i]
                + " at position "
                + i
                + " is outside [0, 2147483647]");
      }
      compact[i] = (int) tokens[i];
    }
    return compact;
  }

  @Override
  public Batch allocate() {
    return new Batch(tensor(new long[(int) shape.numel()]), tensor(new long[(int) shape.numel()]));
  }

  @Override
  public void next(Batch batch) {
    int context = (int) shape.size(1);
    long[] inputs = new long[(int) shape.numel()];
    long[] targets = new long[inputs.length];
    int at = 0;
    for (long start : generator.nextLongs((int) shape.size(0), tokens.length - context)) {
      for (int i = (int) start; i < start + context; i++, at++) {
        inputs[at] = tokens[i];
        targets[at] = tokens[i + 1];
      }
    }
    try (var _ = Scope.open()) {
      batch.inputs().copy_(tensor(inputs));
      batch.targets().copy_(tensor(targets));
    }
  }

  private Tensor tensor(long[] values) {
    return Tensor.of(values, shape, generator.device());
  }

  @Override
  public long[] save() {
    return generator.save();
  }

  @Override
  public void restore(long[] saved) {
    generator.restore(saved);
  }
}
