package dev.adjoint.data;

import dev.adjoint.TensorException;

/**
 * An endless source of batches of one shape, which can be rewound. It writes into tensors that stay
 * where they are, so that a captured step finds its inputs.
 */
public interface Batches {
  /** A batch of the right shapes and types with contents of no meaning. */
  Batch allocate();

  /** Overwrites a batch from {@link #allocate} with the next examples. */
  void next(Batch batch);

  /** A new batch with the next examples. */
  default Batch next() {
    Batch batch = allocate();
    next(batch);
    return batch;
  }

  /** Where it stands, its source of random numbers included: all there is to save. */
  long[] save();

  /**
   * Goes on from what {@link #save} returned. A source of random numbers stands where it stood
   * then, also if others draw from it.
   *
   * @throws TensorException if it did not come from such a source
   */
  void restore(long[] saved);
}
