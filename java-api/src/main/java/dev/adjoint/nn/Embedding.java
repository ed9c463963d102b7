package dev.adjoint.nn;

import dev.adjoint.Tensor;

/**
 * A table of vectors, looked up by index: I64 or I32 […] → […, width]. Parameter: {@code weight}
 * [count, width], standard normal at first.
 */
public final class Embedding extends Layer {
  private final Parameter weight;

  /** A table of {@code count} rows. */
  public Embedding(long count, long width) {
    this.weight = parameter("weight", Init.normal_(Init.zeros(count, width), 0, 1));
  }

  /** [count, width]. */
  public Tensor weight() {
    return weight.get();
  }

  /**
   * The rows named by the indices.
   *
   * @throws dev.adjoint.IndexOutOfRangeException if an index is outside [0, count)
   */
  @Override
  public Tensor forward(Tensor indices) {
    return weight().embedding(indices);
  }

  @Override
  protected String describe() {
    return weight().size(0) + ", " + weight().size(1);
  }
}
