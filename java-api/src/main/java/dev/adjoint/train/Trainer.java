package dev.adjoint.train;

import dev.adjoint.Adjoint;
import dev.adjoint.Generator;
import dev.adjoint.Precision;
import dev.adjoint.Scope;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import dev.adjoint.autograd.CapturedStep;
import dev.adjoint.autograd.GradMode;
import dev.adjoint.data.Batch;
import dev.adjoint.data.Batches;
import dev.adjoint.nn.NeuralModule;
import dev.adjoint.optim.GradientClipping;
import dev.adjoint.optim.LearningRate;
import dev.adjoint.optim.Optimizer;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * The loop of training: a batch, its loss, gradients, clipping, a step of the optimizer; again. All
 * that a step makes is freed at its end, so memory stays flat; all that varies is in {@link
 * #state}, so a run that is stopped and resumed gives the same numbers as one that is not.
 *
 * <pre>{@code
 * try (Trainer trainer = new Trainer(model, model::loss, optimizer, batches, config)) {
 *   trainer.listener(progress -> log(progress.step(), progress.loss()));
 *   trainer.run();
 * }
 * }</pre>
 *
 * Model, optimizer and batches stay those of whoever made them. Used by one thread, but for {@link
 * #stop}.
 */
public final class Trainer implements AutoCloseable {
  /** What is minimised. */
  @FunctionalInterface
  public interface Loss {
    /** A scalar, the mean over the batch. */
    Tensor of(Tensor inputs, Tensor targets);
  }

  /** Hears of each step, on the thread that trains. */
  @FunctionalInterface
  public interface Listener {
    /** After a step; may save the state, and may call {@link Trainer#stop}. */
    void onStep(Progress progress);
  }

  /**
   * A step that has been made.
   *
   * @param step its number, 1 for the first
   * @param loss before the step
   * @param learningRate of the step
   * @param gradientNorm before clipping
   * @param targetsPerSecond elements of the targets (tokens, for a language model) that the step
   *     went through in a second
   * @param validationLoss after the step, where it was evaluated
   */
  public record Progress(
      long step,
      double loss,
      double learningRate,
      double gradientNorm,
      double targetsPerSecond,
      OptionalDouble validationLoss) {}

  /**
   * How to train.
   *
   * @param steps of the whole training
   * @param learningRate of each step
   * @param clipNorm the largest norm of all gradients together; infinity for no clipping
   * @param evaluateEvery steps from one evaluation to the next, beside the one at the end; 0 for
   *     none at all
   * @param evaluationBatches in one evaluation
   * @param captured whether steps are recorded once and replayed: the same values with less work
   *     between the kernels
   * @param precision of matrix products, those of evaluations included
   * @param nonFinite what happens when a loss or a gradient is infinite or NaN
   */
  public record Config(
      long steps,
      LearningRate learningRate,
      double clipNorm,
      long evaluateEvery,
      int evaluationBatches,
      boolean captured,
      Precision precision,
      NonFinite nonFinite) {

    /**
     * Checks the numbers.
     *
     * @throws TensorException if a number is out of its range
     */
    public Config {
      if (steps < 0 || !(clipNorm > 0) || evaluateEvery < 0 || evaluationBatches <= 0) {
        throw new TensorException(
            "trainer: needs steps ≥ 0, clipNorm > 0, evaluateEvery ≥ 0, evaluationBatches > 0; got "
                + List.of(steps, clipNorm, evaluateEvery, evaluationBatches));
      }
    }

    /**
     * Without clipping, evaluation and capture, in F32; it stops where something is not finite.
     *
     * @param learningRate the optimizer's in each step; groups with a rate of their own keep their
     *     proportion to it, see {@link Optimizer#setLearningRate(double)}
     */
    public static Config of(long steps, LearningRate learningRate) {
      return new Config(
          steps,
          learningRate,
          Double.POSITIVE_INFINITY,
          0,
          1,
          false,
          Precision.F32,
          NonFinite.STOP);
    }

    /** The same with gradients clipped. */
    public Config withClipNorm(double norm) {
      return new Config(
          steps,
          learningRate,
          norm,
          evaluateEvery,
          evaluationBatches,
          captured,
          precision,
          nonFinite);
    }

    /** The same with evaluations. */
    public Config withEvaluation(long every, int batches) {
      return new Config(
          steps, learningRate, clipNorm, every, batches, captured, precision, nonFinite);
    }

    /** The same, with steps captured or not. */
    public Config withCaptured(boolean value) {
      return new Config(
          steps,
          learningRate,
          clipNorm,
          evaluateEvery,
          evaluationBatches,
          value,
          precision,
          nonFinite);
    }

    /** The same with matrix products of another precision. */
    public Config withPrecision(Precision value) {
      return new Config(
          steps,
          learningRate,
          clipNorm,
          evaluateEvery,
          evaluationBatches,
          captured,
          value,
          nonFinite);
    }

    /** The same with another way to treat steps that are not finite. */
    public Config withNonFinite(NonFinite value) {
      return new Config(
          steps,
          learningRate,
          clipNorm,
          evaluateEvery,
          evaluationBatches,
          captured,
          precision,
          value);
    }
  }

  private final NeuralModule model;
  private final Loss loss;
  private final Optimizer optimizer;
  private final Batches batches;
  private final Config config;
  private final Batch batch;
  private final Generator random;
  private Listener listener = _ -> {};
  private @Nullable Batches validation;
  private long[] validationStart = {};
  private @Nullable CapturedStep gradients;
  private @Nullable CapturedStep update;
  private boolean warm;
  private long step;
  private volatile boolean stopped;

  /**
   * At step 0.
   *
   * @param loss uses the model
   * @param optimizer over the model's parameters
   */
  public Trainer(
      NeuralModule model, Loss loss, Optimizer optimizer, Batches batches, Config config) {
    this.model = model;
    this.loss = loss;
    this.optimizer = optimizer;
    this.batches = batches;
    this.config = config;
    this.batch = batches.allocate().escape();
    this.random = Adjoint.generator(batch.inputs().device());
  }

  /** Whom to tell of each step. */
  public void listener(Listener value) {
    listener = value;
  }

  /**
   * What to evaluate on: always the same batches, those that come next now. Afterwards they stand
   * where they stood, so that training may share them, or their generator.
   */
  public void validation(Batches value) {
    validation = value;
    validationStart = value.save();
  }

  /** The steps done so far, those before a {@link #restore} included. */
  public long step() {
    return step;
  }

  /** Trains to the end, or until {@link #stop}. */
  public void run() {
    run(config.steps());
  }

  /**
   * Trains until a step, or until {@link #stop}; the schedule stays that of the whole training.
   *
   * @param until the number of the last step; at most that of the configuration counts
   * @throws TensorException under {@link NonFinite#STOP}, if the loss or a gradient is infinite or
   *     NaN, before that step's update
   */
  public void run(long until) {
    stopped = false;
    while (!stopped && step < Math.min(until, config.steps())) {
      listener.onStep(advance());
    }
  }

  /** Makes {@link #run} return after the step in progress; from any thread. */
  public void stop() {
    stopped = true;
  }

  private Progress advance() {
    try (var _ = Scope.open();
        var _ = config.precision().use()) {
      double learningRate = config.learningRate().at(step);
      long start = System.nanoTime();
      optimizer.setLearningRate(learningRate);
      batches.next(batch);
      List<Tensor> results = gradients();
      double lossValue = results.get(0).item();
      double gradientNorm = results.get(1).item();
      if (mayUpdate(lossValue, gradientNorm)) {
        update(results.get(1));
      }
      warm = true;
      double seconds = (System.nanoTime() - start) * 1e-9;
      step++;
      return new Progress(
          step,
          lossValue,
          learningRate,
          gradientNorm,
          batch.targets().numel() / seconds,
          evaluationIsDue() ? OptionalDouble.of(evaluate()) : OptionalDouble.empty());
    }
  }

  /** Whether a step's loss and gradients allow its update. */
  private boolean mayUpdate(double lossValue, double norm) {
    if (config.nonFinite() == NonFinite.IGNORE
        || (Double.isFinite(lossValue) && Double.isFinite(norm))) {
      return true;
    }
    if (config.nonFinite() == NonFinite.STOP) {
      throw NonFinite.failure(step + 1, batch, model, optimizer.parameters(), lossValue, norm);
    }
    return false;
  }

  /** The first half of a step: {loss, gradient norm}, on the device. */
  private List<Tensor> gradients() {
    if (!isCapturing()) {
      return computeGradients();
    }
    CapturedStep recorded = gradients;
    if (recorded == null) {
      recorded = CapturedStep.record(batch.inputs().device(), this::computeGradients);
      gradients = recorded;
    } else {
      recorded.replay();
    }
    return List.of(recorded.output(0), recorded.output(1));
  }

  private List<Tensor> computeGradients() {
    optimizer.zeroGrad();
    Tensor value = loss.of(batch.inputs(), batch.targets());
    value.backward();
    return List.of(value, GradientClipping.norm(optimizer.parameters()));
  }

  /** The second half. */
  private void update(Tensor norm) {
    if (!isCapturing()) {
      computeUpdate(norm);
    } else if (update == null) {
      update =
          CapturedStep.record(
              batch.inputs().device(),
              () -> {
                computeUpdate(norm);
                return List.of();
              });
    } else {
      update.replay();
    }
  }

  private void computeUpdate(Tensor norm) {
    GradientClipping.clip(optimizer.parameters(), norm, config.clipNorm());
    optimizer.step();
  }

  /** What a recording may not create, one eager step does. */
  private boolean isCapturing() {
    return config.captured() && warm;
  }

  private boolean evaluationIsDue() {
    return config.evaluateEvery() > 0
        && (step % config.evaluateEvery() == 0 || step == config.steps());
  }

  /**
   * The mean loss over the validation batches, in evaluation mode. Training goes on as if there had
   * been no evaluation: batches, random numbers and the mode of each module are as before.
   *
   * @throws TensorException if there are none
   */
  public double evaluate() {
    Batches source = validation;
    if (source == null) {
      throw new TensorException("trainer: evaluation needs batches; call validation(…)");
    }
    try (var _ = new Evaluation(model, source, validationStart, batches, random);
        var _ = GradMode.off();
        var _ = config.precision().use();
        var _ = Scope.open()) {
      double sum = 0;
      for (int i = 0; i < config.evaluationBatches(); i++) {
        try (var _ = Scope.open()) {
          Batch examples = source.next();
          sum += loss.of(examples.inputs(), examples.targets()).item();
        }
      }
      return sum / config.evaluationBatches();
    }
  }

  // ---- state ----

  /**
   * What this object adds to the states of model and optimizer, as JSON values: the number of steps
   * and where random numbers and batches stand.
   */
  public Map<String, @Nullable Object> state() {
    Map<String, @Nullable Object> state = new LinkedHashMap<>();
    state.put("step", step);
    state.put("random", LongStream.of(random.save()).boxed().toList());
    state.put("batches", LongStream.of(batches.save()).boxed().toList());
    return state;
  }

  /**
   * Goes on from what {@link #state} returned, after model and optimizer were loaded; other entries
   * are ignored.
   *
   * @throws TensorException if an entry is missing or of another kind; nothing has changed then
   */
  public void restore(Map<String, ? extends @Nullable Object> state) {
    if (!(state.get("step") instanceof Long saved) || saved < 0) {
      throw new TensorException("trainer: the state has no whole number 'step' of 0 or more");
    }
    long[] randomSaved = counters(state, "random");
    long[] batchesSaved = counters(state, "batches");
    long[] randomBefore = random.save();
    long[] batchesBefore = batches.save();
    boolean complete = false;
    try {
      // The batches may draw from the same generator; what it was itself comes last.
      batches.restore(batchesSaved);
      random.restore(randomSaved);
      complete = true;
    } finally {
      if (!complete) {
        batches.restore(batchesBefore);
        random.restore(randomBefore);
      }
    }
    step = saved;
    forgetCaptured();
  }

  private static long[] counters(Map<String, ? extends @Nullable Object> state, String key) {
    if (state.get(key) instanceof List<?> list && list.stream().allMatch(Long.class::isInstance)) {
      return list.stream().mapToLong(Long.class::cast).toArray();
    }
    throw new TensorException("trainer: the state has no list of whole numbers '" + key + "'");
  }

  private void forgetCaptured() {
    for (CapturedStep recorded : Arrays.asList(update, gradients)) {
      if (recorded != null) {
        recorded.close();
      }
    }
    update = null;
    gradients = null;
    warm = false;
  }

  /** Frees what it made itself: the batch and what was captured. */
  @Override
  public void close() {
    forgetCaptured();
    batch.close();
  }
}
