package dev.adjoint.benchmarks;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * One operation at a size that matters.
 *
 * <p>Without {@code backward}: the output, no graph. With it: the output and then, from the
 * gradient {@link #upstream} of it, the gradients of all inputs that are not indices, the old ones
 * dropped first. The result is the output, then those gradients in the order of the inputs, as one
 * sequence.
 *
 * <p>{@code sgd_momentum} (rate 1e-3, momentum 0.9) and {@code adamw} (rate 1e-3, betas 0.9 and
 * 0.999, eps 1e-8, decay 0.01) are one optimizer step over tensors of {@link #tensorSizes}: input 0
 * is all parameters one after the other, input 1 their gradients; the result is the parameters.
 *
 * <p>{@code softmax} and {@code log_softmax} go along rows; {@code sum_rows} and {@code max_rows}
 * give one number for each row, {@code sum_cols} one for each column; the norms' eps is 1e-5;
 * {@code selects} is Σ tanh(x[:, t]) over t; {@code cross_entropy} is the mean over rows; {@code
 * attention} is causal and scaled by 1/√D; {@code linear}'s weight is [out, in].
 *
 * @param op the operation
 * @param sizes see {@link #inputs}
 * @param backward whether gradients are computed too
 * @param wide whether inputs come from a wide range, for measuring errors
 * @param dtype of all that are not indices: {@code f32} or {@code bf16}
 */
public record OpCase(String op, List<Long> sizes, boolean backward, boolean wide, String dtype)
    implements Case {
  /** How many parameters GPT-2 has in its smallest size. */
  public static final long GPT2_PARAMETERS = 124_439_808;

  private static final Pattern ID =
      Pattern.compile("([a-z_]+)-(\\d+(?:x\\d+)*)-(fb|f)(-wide)?(-bf16)?");

  /** In float32, on inputs of moderate size. */
  public OpCase(String op, boolean backward, long... sizes) {
    this(op, Arrays.stream(sizes).boxed().toList(), backward, false);
  }

  /** In float32. */
  public OpCase(String op, List<Long> sizes, boolean backward, boolean wide) {
    this(op, sizes, backward, wide, "f32");
  }

  /** The same in bfloat16. */
  OpCase inBf16() {
    return new OpCase(op, sizes, backward, wide, "bf16");
  }

  static OpCase parse(String id) {
    Matcher parts = ID.matcher(id);
    if (!parts.matches()) {
      throw new IllegalArgumentException(id);
    }
    List<Long> sizes = Arrays.stream(parts.group(2).split("x")).map(Long::valueOf).toList();
    OpCase parsed =
        new OpCase(
            parts.group(1),
            sizes,
            parts.group(3).equals("fb"),
            parts.group(4) != null,
            parts.group(5) != null ? "bf16" : "f32");
    parsed.inputs(); // knows the name and how many sizes belong to it
    return parsed;
  }

  @Override
  public String id() {
    return op
        + "-"
        + sizes.stream().map(String::valueOf).collect(Collectors.joining("x"))
        + (backward ? "-fb" : "-f")
        + (wide ? "-wide" : "")
        + (dtype.equals("f32") ? "" : "-" + dtype);
  }

  /**
   * An input: dense, row by row.
   *
   * @param shape its shape
   * @param bound above the largest index, or 0: float32
   * @param scale values lie in [-scale, scale)
   * @param wide whether values' magnitudes are spread evenly over 2⁻²⁰ … 2⁷ instead
   */
  public record Input(List<Long> shape, long bound, float scale, boolean wide) {
    static Input real(float scale, Long... shape) {
      return new Input(List.of(shape), 0, scale, false);
    }

    static Input indices(long bound, Long... shape) {
      return new Input(List.of(shape), bound, 1, false);
    }

    /** Whether it is indices, I64. */
    public boolean isIndex() {
      return bound > 0;
    }

    /** How many elements it has. */
    public long numel() {
      return shape.stream().reduce(1L, Math::multiplyExact);
    }

    /** Element {@code i} of the float32 input at a position. */
    public float value(int position, long i) {
      float value = Inputs.value(position, i);
      if (!wide) {
        return scale * value;
      }
      float exponent = 13.5f * Inputs.value(position + 100, i) - 6.5f;
      return (float) Math.copySign(StrictMath.pow(2, exponent), value);
    }

    /** Element {@code i} of the input of indices at a position. */
    public long index(int position, long i) {
      return Inputs.index(position, i, bound);
    }
  }

  private Long size(int i) {
    return sizes.get(i);
  }

  /** The inputs, in the order of the operation's arguments. */
  public List<Input> inputs() {
    int expected =
        switch (op) {
          case "add",
              "mul",
              "relu",
              "sigmoid",
              "tanh",
              "exp",
              "erf",
              "silu",
              "gelu",
              "gelu_tanh",
              "sum",
              "sgd_momentum",
              "adamw" ->
              1;
          case "sum_rows",
              "sum_cols",
              "max_rows",
              "softmax",
              "log_softmax",
              "layer_norm",
              "rms_norm",
              "cross_entropy" ->
              2;
          case "selects", "embedding", "linear" -> 3;
          case "attention" -> 4;
          default -> throw new IllegalArgumentException("no operation is called " + op);
        };
    if (sizes.size() != expected) {
      throw new IllegalArgumentException(op + " has " + expected + " sizes, not " + sizes);
    }
    return switch (op) {
      case "add", "mul" -> List.of(Input.real(4, size(0)), Input.real(4, size(0)));
      case "sgd_momentum", "adamw" -> List.of(Input.real(1, size(0)), Input.real(1, size(0)));
      case "sum" -> List.of(Input.real(1, size(0)));
      case "sum_rows", "sum_cols", "max_rows" -> List.of(Input.real(1, size(0), size(1)));
      case "selects" -> List.of(Input.real(1, size(0), size(1), size(2)));
      case "softmax", "log_softmax" -> List.of(Input.real(4, size(0), size(1)));
      case "layer_norm" ->
          List.of(Input.real(4, size(0), size(1)), Input.real(1, size(1)), Input.real(1, size(1)));
      case "rms_norm" -> List.of(Input.real(4, size(0), size(1)), Input.real(1, size(1)));
      case "cross_entropy" ->
          List.of(Input.real(4, size(0), size(1)), Input.indices(size(1), size(0)));
      case "attention" -> {
        Input one = Input.real(1, size(0), size(1), size(2), size(3));
        yield List.of(one, one, one);
      }
      case "embedding" -> List.of(Input.real(1, size(0), size(1)), Input.indices(size(0), size(2)));
      case "linear" ->
          List.of(
              Input.real(1, size(0), size(1)),
              Input.real(1, size(2), size(1)),
              Input.real(1, size(2)));
      default -> List.of(new Input(sizes, 0, 4, wide));
    };
  }

  /** How many elements the output has. */
  public long outputs() {
    return switch (op) {
      case "sum", "cross_entropy" -> 1;
      case "sum_rows", "max_rows" -> size(0);
      case "sum_cols" -> size(1);
      case "embedding" -> size(2) * size(1);
      case "selects", "linear" -> size(0) * size(2);
      default -> inputs().getFirst().numel();
    };
  }

  /** How many elements the whole result has, of which some are picked. */
  public long results() {
    return isOptimizer() || !backward ? outputs() : outputs() + gradients();
  }

  private long gradients() {
    return inputs().stream().filter(x -> !x.isIndex()).mapToLong(Input::numel).sum();
  }

  /** Element {@code i} of the gradient that comes from above: 1 of a single number. */
  public float upstream(long i) {
    return outputs() == 1 ? 1 : Inputs.value(Inputs.UPSTREAM, i);
  }

  /** Whether it is an optimizer's step. */
  public boolean isOptimizer() {
    return op.equals("sgd_momentum") || op.equals("adamw");
  }

  /** An optimizer's tensors: as many elements as there are, cut as GPT-2's parameters are. */
  public List<Long> tensorSizes() {
    long width = 768;
    List<Long> model = new ArrayList<>(List.of(50257 * width, 1024 * width));
    for (int layer = 0; layer < 12; layer++) {
      model.addAll(List.of(width, width, 3 * width * width, 3 * width, width * width, width));
      model.addAll(List.of(width, width, 4 * width * width, 4 * width, 4 * width * width, width));
    }
    model.addAll(List.of(width, width));
    List<Long> sizes = new ArrayList<>();
    long left = size(0);
    for (int i = 0; left > 0; i++) {
      long next = Math.min(left, i < model.size() ? model.get(i) : left);
      sizes.add(next);
      left -= next;
    }
    return sizes;
  }

  @Override
  public double operations() {
    return switch (op) {
      case "linear" -> (backward ? 6.0 : 2.0) * size(0) * size(1) * size(2);
      // Half of the scores are masked. Forward two products of them, backward five.
      case "attention" -> (backward ? 7.0 : 2.0) * size(0) * size(1) * size(2) * size(2) * size(3);
      default -> 0;
    };
  }

  private double elementBytes() {
    return dtype.equals("f32") ? 4 : 2;
  }

  private double elements() {
    return inputs().stream().mapToDouble(Input::numel).sum();
  }

  @Override
  public double bytesRead() {
    double n = inputs().getFirst().numel();
    double forward = op.equals("embedding") ? outputs() : elements();
    // What backward reads beside the gradient from above: saved inputs or outputs.
    double saved =
        switch (op) {
          case "add", "sum", "sum_rows", "sum_cols", "embedding" -> 0;
          case "mul" -> 2 * n;
          case "attention" -> 4 * n;
          case "linear" -> elements() - size(2);
          default -> n;
        };
    return switch (op) {
      case "sgd_momentum" -> 3 * 4 * n;
      case "adamw" -> 4 * 4 * n;
      default -> elementBytes() * (forward + (backward ? outputs() + saved : 0));
    };
  }

  @Override
  public double bytesWritten() {
    double n = inputs().getFirst().numel();
    return switch (op) {
      case "sgd_momentum" -> 2 * 4 * n;
      case "adamw" -> 3 * 4 * n;
      default -> elementBytes() * (outputs() + (backward ? gradients() : 0));
    };
  }
}
