package dev.adjoint.optim;

import dev.adjoint.TensorException;

/**
 * A schedule: the optimizer's learning rate as a function of the steps done so far. Groups with a
 * rate of their own keep their proportion to it, see {@link Optimizer#setLearningRate(double)}.
 */
public sealed interface LearningRate {
  /**
   * The learning rate of a step.
   *
   * @param step how many steps were made before it: 0 for the first
   */
  double at(long step);

  /** Always the same. */
  static LearningRate constant(double value) {
    return new Constant(value);
  }

  /** Multiplied by {@code factor} after every {@code every} steps. */
  static LearningRate step(double initial, long every, double factor) {
    return new Step(initial, every, factor);
  }

  /** Multiplied by {@code factor} after each step. */
  static LearningRate exponential(double initial, double factor) {
    return new Exponential(initial, factor);
  }

  /** Half a cosine from {@code initial} to {@code last} over {@code total} steps, then flat. */
  static LearningRate cosine(double initial, long total, double last) {
    return new Cosine(initial, total, last);
  }

  /** A straight line from {@code initial} to {@code last} over {@code total} steps, then flat. */
  static LearningRate linear(double initial, long total, double last) {
    return new Linear(initial, total, last);
  }

  /**
   * This schedule, begun after {@code steps} steps in which the learning rate rises to its first
   * value: step s has (s + 1)/(steps + 1) of it.
   */
  default LearningRate withWarmup(long steps) {
    return new Warmup(steps, this);
  }

  /** See {@link #constant}. */
  record Constant(double value) implements LearningRate {
    /**
     * Checks the number.
     *
     * @throws TensorException if {@code value} is negative or not finite
     */
    public Constant {
      checkRate("learning rate", value);
    }

    @Override
    public double at(long step) {
      return value;
    }
  }

  /** See {@link #step}. */
  record Step(double initial, long every, double factor) implements LearningRate {
    /**
     * Checks the numbers.
     *
     * @throws TensorException if {@code every} is not positive, or another number is negative or
     *     not finite
     */
    public Step {
      checkRate("initial learning rate", initial);
      checkRate("factor", factor);
      check(every > 0, "the number of steps must be positive", every);
    }

    @Override
    public double at(long step) {
      long drops = step / every;
      return initial * Math.pow(factor, (double) drops);
    }
  }

  /** See {@link #exponential}. */
  record Exponential(double initial, double factor) implements LearningRate {
    /**
     * Checks the numbers.
     *
     * @throws TensorException if one is negative or not finite
     */
    public Exponential {
      checkRate("initial learning rate", initial);
      checkRate("factor", factor);
    }

    @Override
    public double at(long step) {
      return initial * Math.pow(factor, (double) step);
    }
  }

  /** See {@link #cosine}. */
  record Cosine(double initial, long total, double last) implements LearningRate {
    /**
     * Checks the numbers.
     *
     * @throws TensorException if {@code total} is not positive, or another number is negative or
     *     not finite
     */
    public Cosine {
      checkRate("initial learning rate", initial);
      checkRate("last learning rate", last);
      check(total > 0, "the number of steps must be positive", total);
    }

    @Override
    public double at(long step) {
      double progress = Math.min(1, (double) step / total);
      return last + (initial - last) * (1 + Math.cos(Math.PI * progress)) / 2;
    }
  }

  /** See {@link #linear}. */
  record Linear(double initial, long total, double last) implements LearningRate {
    /**
     * Checks the numbers.
     *
     * @throws TensorException if {@code total} is not positive, or another number is negative or
     *     not finite
     */
    public Linear {
      checkRate("initial learning rate", initial);
      checkRate("last learning rate", last);
      check(total > 0, "the number of steps must be positive", total);
    }

    @Override
    public double at(long step) {
      return initial + (last - initial) * Math.min(1, (double) step / total);
    }
  }

  /** See {@link #withWarmup}. */
  record Warmup(long steps, LearningRate then) implements LearningRate {
    /**
     * Checks the number.
     *
     * @throws TensorException if {@code steps} is negative
     */
    public Warmup {
      check(steps >= 0, "the number of steps must not be negative", steps);
    }

    @Override
    public double at(long step) {
      return step < steps ? then.at(0) * (step + 1) / (steps + 1) : then.at(step - steps);
    }
  }

  private static void checkRate(String what, double value) {
    if (!(value >= 0 && value < Double.POSITIVE_INFINITY)) {
      throw new TensorException(
          "learningRate: the " + what + " must be finite and not negative, got " + value);
    }
  }

  private static void check(boolean condition, String message, long value) {
    if (!condition) {
      throw new TensorException("learningRate: " + message + ", got " + value);
    }
  }
}
