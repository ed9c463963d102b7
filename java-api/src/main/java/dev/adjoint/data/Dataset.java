package dev.adjoint.data;

import dev.adjoint.Shape;
import dev.adjoint.ShapeMismatchException;
import dev.adjoint.Tensor;

/**
 * Examples in memory, row by row. The tensors stay those of whoever made them.
 *
 * @param inputs [N, …]
 * @param targets [N, …], on the same device
 */
public record Dataset(Tensor inputs, Tensor targets) {
  /**
   * Checks that they belong together.
   *
   * @throws ShapeMismatchException if there are not as many targets as inputs
   */
  public Dataset {
    if (inputs.rank() == 0 || targets.rank() == 0 || inputs.size(0) != targets.size(0)) {
      throw new ShapeMismatchException(
          "dataset: inputs "
              + inputs.shape()
              + " and targets "
              + targets.shape()
              + " must have the same number of rows");
    }
  }

  /** The number of examples. */
  public long size() {
    return inputs.size(0);
  }

  /** The examples at some positions. */
  public Batch select(long[] positions) {
    Tensor indices = Tensor.of(positions, Shape.of(positions.length), inputs.device());
    return new Batch(rows(inputs, indices), rows(targets, indices));
  }

  private static Tensor rows(Tensor table, Tensor indices) {
    long[] sizes = table.shape().toArray();
    long width = 1;
    for (int d = 1; d < sizes.length; d++) {
      width *= sizes[d];
    }
    Tensor rows = table.detach().reshape(sizes[0], width).embedding(indices);
    sizes[0] = indices.numel();
    return rows.reshape(sizes);
  }
}
