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
  private final long[] tokens;
  private final Shape shape;
  private final Generator generator;

  /**
   * Windows of {@code context} tokens each.
   *
   * @param generator chooses the windows; its device is that of the batches
   * @throws TensorException if the text has no window of context + 1 tokens
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
    this.tokens = tokens.clone();
    this.shape = Shape.of(batch, context);
    this.generator = generator;
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
    for (int at = 0; at < inputs.length; at += context) {
      int start = (int) generator.nextLong(tokens.length - context);
      System.arraycopy(tokens, start, inputs, at, context);
      System.arraycopy(tokens, start + 1, targets, at, context);
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
