package dev.adjoint.benchmarks;

import java.util.Arrays;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A whole training step. Parameter number {@code p} of the model, in the order in which {@code
 * NeuralModule.namedParameters()} has them, starts as {@link #parameter}; tokens, pixels and
 * targets are {@link #token}, {@link #pixel} and {@link #target}. Gradients are dropped before each
 * step. The result is the loss of the last run; with {@link Optimizer#NONE} up to {@link
 * Inputs#PICKED} picked values of the first parameter's gradient follow.
 *
 * <p>SGD has no momentum; rate {@link #SGD_RATE}. AdamW: rate {@link #ADAMW_RATE}, betas 0.9 and
 * 0.999, eps 1e-8, decay 0.01.
 *
 * @param model what is trained
 * @param optimizer with what
 * @param captured whether recorded once and replayed; only our own backends can
 * @param precision of products, {@code f32} or {@code bf16}; on GPUs, of a transformer's
 *     activations too
 */
public record StepCase(Model model, Optimizer optimizer, boolean captured, String precision)
    implements Case {
  /** SGD's learning rate, but for {@link Model#SCALAR_LOOP}: 0.1. */
  public static final double SGD_RATE = 0.01;

  /** AdamW's learning rate. */
  public static final double ADAMW_RATE = 1e-4;

  private static final int DATA = 1000;
  private static final int TARGETS = 1001;

  private static final Pattern ID =
      Pattern.compile(
          "(scalar-loop|mlp-\\d+|char-gpt|gpt2-b\\d+-t\\d+)-([a-z]+)(-captured)?(-bf16)?");

  /** What is trained. */
  public enum Model {
    /** w = 1; a step is loss = (2w − 8)², w −= 0.1 ∇loss, with SGD only. */
    SCALAR_LOOP(1, 0),
    /** 784-128-10 with relu and cross-entropy; inputs and targets are copied in at each step. */
    MLP_32(32, 0),
    /** The same with more rows. */
    MLP_128(128, 0),
    /** GPT-2's architecture: 4 layers, width 128, 4 heads, vocabulary 96, context 64. */
    CHAR_GPT(12, 64),
    /** GPT-2 124M, without dropout, its output layer tied to the token embedding. */
    GPT2_B4_T64(4, 64),
    /** The same in one long sequence. */
    GPT2_B1_T256(1, 256),
    /** A batch for GPUs. */
    GPT2_B8_T1024(8, 1024),
    /** A large one. */
    GPT2_B32_T1024(32, 1024);

    /** Rows of a batch. */
    public final int batch;

    /** Tokens in each row, or 0. */
    public final int length;

    Model(int batch, int length) {
      this.batch = batch;
      this.length = length;
    }

    /** Part of {@link StepCase#id}. */
    String id() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** Whether it has GPT-2's architecture. */
    public boolean isGpt() {
      return length > 0;
    }

    /** Classes or different tokens. */
    public int vocabulary() {
      return switch (this) {
        case SCALAR_LOOP -> 1;
        case MLP_32, MLP_128 -> 10;
        case CHAR_GPT -> 96;
        case GPT2_B4_T64, GPT2_B1_T256, GPT2_B8_T1024, GPT2_B32_T1024 -> 50257;
      };
    }

    /** The longest sequence of the position embedding. */
    public int context() {
      return this == CHAR_GPT ? 64 : 1024;
    }

    /** Blocks. */
    public int layers() {
      return this == CHAR_GPT ? 4 : 12;
    }

    /** Attention heads of a block. */
    public int heads() {
      return this == CHAR_GPT ? 4 : 12;
    }

    /** Channels. */
    public int width() {
      return this == CHAR_GPT ? 128 : 768;
    }

    /** How many numbers are trained. */
    public long parameters() {
      if (isGpt()) {
        long width = width();
        long block = 12 * width * width + 13 * width;
        return (vocabulary() + context()) * width + layers() * block + 2 * width;
      }
      return this == SCALAR_LOOP ? 1 : 784 * 128 + 128 + 128 * 10 + 10;
    }

    /** Multiplications and additions of the products of a forward pass. */
    double forwardOperations() {
      if (isGpt()) {
        double rows = (double) batch * length;
        double block = 12.0 * width() * width();
        double scores = (double) length * width(); // half of 2·T·width, the rest is masked
        return 2 * rows * (layers() * (block + scores) + (double) vocabulary() * width());
      }
      return this == SCALAR_LOOP ? 0 : firstLayerOperations() + 2.0 * batch * 128 * 10;
    }

    /** The same of a backward pass. An image needs no gradient; the first layer of a GPT does. */
    double backwardOperations() {
      boolean readsData = this == MLP_32 || this == MLP_128;
      return 2 * forwardOperations() - (readsData ? firstLayerOperations() : 0);
    }

    private double firstLayerOperations() {
      return 2.0 * batch * 784 * 128;
    }
  }

  /** What follows the backward pass. */
  public enum Optimizer {
    /** Nothing. */
    NONE,
    /** Stochastic gradient descent. */
    SGD,
    /** Adam with decoupled weight decay. */
    ADAMW
  }

  /** As every backend runs it: eagerly, in float32. */
  public StepCase(Model model, Optimizer optimizer) {
    this(model, optimizer, false, "f32");
  }

  static boolean isId(String id) {
    return ID.matcher(id).matches();
  }

  static StepCase parse(String id) {
    Matcher parts = ID.matcher(id);
    if (!parts.matches()) {
      throw new IllegalArgumentException(id);
    }
    Model model =
        Arrays.stream(Model.values())
            .filter(m -> m.id().equals(parts.group(1)))
            .findFirst()
            .orElseThrow();
    return new StepCase(
        model,
        Optimizer.valueOf(parts.group(2).toUpperCase(Locale.ROOT)),
        parts.group(3) != null,
        parts.group(4) != null ? "bf16" : "f32");
  }

  @Override
  public String id() {
    return model.id()
        + "-"
        + optimizer.name().toLowerCase(Locale.ROOT)
        + (captured ? "-captured" : "")
        + (precision.equals("f32") ? "" : "-" + precision);
  }

  /** The id of the same step that was not captured. */
  static String eager(String id) {
    return id.replace("-captured", "");
  }

  @Override
  public int runsToCompare() {
    return 3;
  }

  /**
   * Element {@code i} of a parameter before the first step.
   *
   * @param position its place in the model
   * @param matrix whether it has two dimensions; else it is a norm's weight or a bias
   * @param bias whether it is a bias
   */
  public static float parameter(int position, boolean matrix, boolean bias, long i) {
    if (matrix) {
      return 0.04f * Inputs.value(position, i);
    }
    return bias ? 0 : 1;
  }

  /** Token {@code i} of the batch, row by row. */
  public long token(long i) {
    return Inputs.index(DATA, i, model.vocabulary());
  }

  /** Number {@code i} of the MLP's inputs [batch, 784]. */
  public static float pixel(long i) {
    return Inputs.value(DATA, i);
  }

  /** The class or the token that belongs to row or token {@code i}. */
  public long target(long i) {
    return Inputs.index(TARGETS, i, model.vocabulary());
  }

  @Override
  public double operations() {
    return model.forwardOperations() + model.backwardOperations();
  }

  /** Only the optimizer's traffic: what comes after the products and is not hidden by them. */
  @Override
  public double bytesRead() {
    return 4.0
        * model.parameters()
        * switch (optimizer) {
          case NONE -> 0;
          case SGD -> 2;
          case ADAMW -> 4;
        };
  }

  @Override
  public double bytesWritten() {
    return 4.0
        * model.parameters()
        * switch (optimizer) {
          case NONE -> 0;
          case SGD -> 1;
          case ADAMW -> 3;
        };
  }
}
