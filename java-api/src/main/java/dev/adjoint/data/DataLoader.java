package dev.adjoint.data;

import dev.adjoint.Generator;
import dev.adjoint.Scope;
import dev.adjoint.TensorException;
import java.util.Arrays;

/**
 * Batches of a {@link Dataset}, each example once in an epoch, in a new random order each time. The
 * examples that do not fill a last batch are left out of that epoch.
 */
public final class DataLoader implements Batches {
  private final Dataset dataset;
  private final int batchSize;
  private final Generator generator;
  private long[] epochStart;
  private long[] order;
  private int position;

  /**
   * Begins the first epoch.
   *
   * @param generator chooses the orders
   * @throws TensorException if the dataset has too few examples for one batch
   */
  public DataLoader(Dataset dataset, int batchSize, Generator generator) {
    if (batchSize <= 0 || batchSize > dataset.size()) {
      throw new TensorException(
          "dataLoader: the batch size must be 1 … "
              + dataset.size()
              + ", the number of examples; got "
              + batchSize);
    }
    this.dataset = dataset;
    this.batchSize = batchSize;
    this.generator = generator;
    this.epochStart = generator.save();
    this.order = shuffled();
  }

  /** The number of batches in an epoch. */
  public long batchesPerEpoch() {
    return dataset.size() / batchSize;
  }

  @Override
  public Batch allocate() {
    return dataset.select(new long[batchSize]);
  }

  @Override
  public void next(Batch batch) {
    if (position + batchSize > order.length) {
      epochStart = generator.save();
      order = shuffled();
      position = 0;
    }
    long[] positions = Arrays.copyOfRange(order, position, position + batchSize);
    position += batchSize;
    try (var _ = Scope.open()) {
      Batch selected = dataset.select(positions);
      batch.inputs().copy_(selected.inputs());
      batch.targets().copy_(selected.targets());
    }
  }

  private long[] shuffled() {
    return generator.permutation(Math.toIntExact(dataset.size()));
  }

  @Override
  public long[] save() {
    long[] now = generator.save();
    return new long[] {epochStart[0], epochStart[1], position, now[0], now[1]};
  }

  @Override
  public void restore(long[] saved) {
    if (saved.length != 5 || saved[2] < 0 || saved[2] > order.length) {
      throw new TensorException(
          "dataLoader: not the state of one for "
              + order.length
              + " examples: "
              + Arrays.toString(saved));
    }
    long[] start = Arrays.copyOf(saved, 2);
    if (!Arrays.equals(start, epochStart)) { // else the order is the same
      generator.restore(start);
      order = shuffled();
      epochStart = start;
    }
    position = (int) saved[2];
    // Where it stood, not where the order left it: others may draw from it too.
    generator.restore(Arrays.copyOfRange(saved, 3, 5));
  }
}
