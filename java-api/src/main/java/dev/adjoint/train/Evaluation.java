package dev.adjoint.train;

import dev.adjoint.Generator;
import dev.adjoint.data.Batches;
import dev.adjoint.nn.NeuralModule;
import java.util.IdentityHashMap;

/**
 * All that an evaluation changes and training may share: where batches and random numbers stand,
 * and the modes of modules. Closing puts everything back.
 */
final class Evaluation implements AutoCloseable {
  private final NeuralModule model;
  private final IdentityHashMap<NeuralModule, Boolean> training = new IdentityHashMap<>();
  private final Batches validation;
  private final Batches batches;
  private final Generator random;
  private final long[] validationBefore;
  private final long[] batchesBefore;
  private final long[] randomBefore;

  /** Begins one at {@code start} of the validation batches, in evaluation mode. */
  Evaluation(
      NeuralModule model, Batches validation, long[] start, Batches batches, Generator random) {
    this.model = model;
    this.validation = validation;
    this.batches = batches;
    this.random = random;
    this.validationBefore = validation.save();
    this.batchesBefore = batches.save();
    this.randomBefore = random.save();
    remember(model);
    validation.restore(start);
    model.eval();
  }

  private void remember(NeuralModule module) {
    training.put(module, module.isTraining());
    module.children().values().forEach(this::remember);
  }

  /** From the outside in, since a mode is set for a whole tree. */
  private void bringBack(NeuralModule module) {
    if (Boolean.TRUE.equals(training.get(module))) {
      module.train();
    } else {
      module.eval();
    }
    module.children().values().forEach(this::bringBack);
  }

  /** Training's own states come last: they decide about a generator that several draw from. */
  @Override
  public void close() {
    bringBack(model);
    validation.restore(validationBefore);
    batches.restore(batchesBefore);
    random.restore(randomBefore);
  }
}
