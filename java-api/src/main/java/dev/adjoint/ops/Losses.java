package dev.adjoint.ops;

import dev.adjoint.spi.LossKernels.CrossEntropy;
import dev.adjoint.spi.LossKernels.CrossEntropyGrad;
import dev.adjoint.DType;
import dev.adjoint.IndexOutOfRangeException;
import dev.adjoint.Shape;
import dev.adjoint.ShapeMismatchException;
import dev.adjoint.Tensor;
import dev.adjoint.graph.Graph;
import dev.adjoint.internal.Check;
import dev.adjoint.internal.Dispatch;
import dev.adjoint.internal.Tensors;
import dev.adjoint.spi.KernelStatusException;
import java.util.List;
import java.util.stream.IntStream;

/** Losses. */
public final class Losses {
  /** PyTorch's default for targets that do not count. */
  public static final long IGNORE_INDEX = -100;

  private Losses() {}

  /**
   * The mean squared error {@code mean((x − target)²)}: a scalar of their type, but F32 where that
   * has 16 bits.
   *
   * @param target of x's shape; nothing is broadcast, since [N, 1] and [N] would make [N, N]
   * @throws ShapeMismatchException if the shapes differ
   */
  public static Tensor mseLoss(Tensor x, Tensor target) {
    Check.alike("mseLoss", x, target);
    if (!x.shape().equals(target.shape())) {
      String fix =
          x.numel() == target.numel()
              ? "reshape one to the other's shape"
              : "expand one to the other's shape if that is meant";
      throw new ShapeMismatchException(
          "mseLoss: the shapes "
              + x.shape()
              + " and "
              + target.shape()
              + " differ, and losses broadcast nothing; "
              + fix);
    }
    return Tensors.tidy(() -> Halves.wide(x).sub(Halves.wide(target)).square().mean());
  }

  /**
   * {@link #crossEntropy(Tensor, Tensor, int)} with the classes in the last dimension of the
   * logits. PyTorch has them in dimension 1, which is the same for [rows, C] only: for [B, C, T]
   * pass 1.
   */
  public static Tensor crossEntropy(Tensor logits, Tensor targets) {
    return crossEntropy(logits, targets, -1);
  }

  /**
   * The mean of {@code −log softmax(logits)[target]} over all targets that are not {@link
   * #IGNORE_INDEX}; NaN if there is none, as in PyTorch.
   *
   * @param logits floating, of at least one dimension; C is the size of {@code classDim}
   * @param targets class numbers, I64 or I32, of the shape of logits without {@code classDim}
   * @param classDim the dimension of the classes; negative ones count from the end
   * @return a scalar of the logits' type, but F32 where that has 16 bits: losses are sums
   * @throws ShapeMismatchException if the targets have another shape
   * @throws IndexOutOfRangeException if a class number is outside [0, C)
   */
  public static Tensor crossEntropy(Tensor logits, Tensor targets, int classDim) {
    return Tensors.tidy(
        () -> {
          Tensor losses = crossEntropyPerRow(logits, targets, classDim);
          return losses.sum().div(targets.ne(IGNORE_INDEX).to(losses.dtype()).sum());
        });
  }

  /** {@link #crossEntropyPerRow(Tensor, Tensor, int)} with the classes in the last dimension. */
  public static Tensor crossEntropyPerRow(Tensor logits, Tensor targets) {
    return crossEntropyPerRow(logits, targets, -1);
  }

  /**
   * The cross-entropy of each target, 0 where that is {@link #IGNORE_INDEX}: the shape of targets,
   * the type as in {@link #crossEntropy(Tensor, Tensor, int)}, and so the parameters.
   */
  public static Tensor crossEntropyPerRow(Tensor logits, Tensor targets, int classDim) {
    Check.floating("crossEntropy", logits);
    Check.rankAtLeast("crossEntropy", logits, 1);
    Check.sameDevice("crossEntropy", logits, targets);
    Check.that(
        targets.dtype() == DType.I64 || targets.dtype() == DType.I32,
        "crossEntropy",
        () -> "targets must be I64 or I32 class numbers, got " + targets.dtype());
    int axis = Check.dim("crossEntropy", classDim, logits.rank());
    if (!targets.shape().equals(without(axis, logits.shape()))) {
      throw targetsMismatch(logits.shape(), targets.shape(), axis);
    }
    return Tensors.tidy(
        () -> {
          Tensor x = classesLast(logits, axis);
          return perRow(Halves.widens(x) ? Halves.wide(x) : x, targets);
        });
  }

  private static Tensor classesLast(Tensor logits, int axis) {
    int last = logits.rank() - 1;
    if (axis == last) {
      return logits;
    }
    int[] order = IntStream.range(0, logits.rank()).map(d -> d < axis ? d : d + 1).toArray();
    order[last] = axis;
    return Movement.permute(logits, order);
  }

  private static Shape without(int axis, Shape shape) {
    return Shape.of(
        IntStream.range(0, shape.rank()).filter(d -> d != axis).mapToLong(shape::size).toArray());
  }

  private static ShapeMismatchException targetsMismatch(Shape logits, Shape targets, int axis) {
    String fix =
        IntStream.range(0, logits.rank())
            .filter(d -> targets.equals(without(d, logits)))
            .mapToObj(d -> "; with the classes in dimension " + d + " they fit: pass it")
            .findFirst()
            .orElse("");
    return new ShapeMismatchException(
        "crossEntropy: logits "
            + logits
            + " with their classes in dimension "
            + axis
            + " need targets "
            + without(axis, logits)
            + ", got targets "
            + targets
            + fix);
  }

  private static Tensor perRow(Tensor logits, Tensor targets) {
    Tensor x = Softmax.inRows(logits);
    Tensor y = Movement.contiguous(Cast.to(targets, DType.I64));
    DType wide = x.dtype().widened();
    Tensor losses = Tensors.empty(y.shape(), wide, Tensors.context(x));
    Tensor logSumExp = Tensors.empty(Shape.of(y.numel(), 2), wide, Tensors.context(x));
    try {
      Dispatch.runAll(
          new CrossEntropy(
              Softmax.rows(x),
              Tensors.view(y),
              Tensors.view(losses),
              Tensors.view(logSumExp),
              IGNORE_INDEX),
          List.of(losses, logSumExp),
          List.of(x, y));
    } catch (KernelStatusException e) {
      long classes = x.size(-1);
      throw Indexing.outOfRange(
          "crossEntropy: the target",
          y,
          classes,
          t -> (t >= 0 && t < classes) || t == IGNORE_INDEX,
          e);
    }
    return Graph.record(
        "crossEntropy",
        losses,
        new Tensor[] {x},
        new Tensor[] {x, y, logSumExp},
        (g, saves) -> {
          Tensor in = saves.get(0);
          Tensor targetsOf = saves.get(1);
          if (saves.createGraph()) {
            return Composed.vjp(g, new Tensor[] {in}, saves, own -> composed(own[0], targetsOf));
          }
          Tensor grad = Movement.reshape(g, targetsOf.numel());
          Tensor lse = saves.get(2);
          Tensor out = Tensors.emptyRows(in.shape(), in.dtype(), Tensors.context(in));
          Dispatch.run(
              new CrossEntropyGrad(
                  Tensors.view(grad),
                  Softmax.rows(in),
                  Tensors.view(targetsOf),
                  Tensors.view(lse),
                  Softmax.rows(out),
                  IGNORE_INDEX),
              out,
              grad,
              in,
              targetsOf,
              lse);
          return new Tensor[] {out};
        });
  }

  /** The definition that the fused kernels are held to. */
  private static Tensor composed(Tensor logits, Tensor targets) {
    Tensor target = Movement.unsqueeze(targets, -1);
    Tensor zero = Tensor.full(Shape.scalar(), 0, logits.dtype(), logits.device());
    // What is in ignored rows must not matter, be it infinite or NaN.
    Tensor counted = Tensor.where(target.eq(IGNORE_INDEX), zero, logits);
    Tensor hit = target.eq(Tensor.arange(logits.size(-1), DType.I64, logits.device()));
    return Tensor.where(hit, Softmax.logSoftmax(counted, -1).neg(), zero).sum(false, -1);
  }
}
