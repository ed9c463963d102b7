package dev.adjoint.ops;

import dev.adjoint.spi.LossKernels.CrossEntropy;
import dev.adjoint.spi.LossKernels.CrossEntropyGrad;
import dev.adjoint.DType;
import dev.adjoint.IndexOutOfRangeException;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.graph.Graph;
import dev.adjoint.internal.Check;
import dev.adjoint.internal.Dispatch;
import dev.adjoint.internal.Tensors;
import dev.adjoint.spi.KernelStatusException;
import java.util.Arrays;
import java.util.List;

/** Losses. */
public final class Losses {
  /** PyTorch's default for targets that do not count. */
  public static final long IGNORE_INDEX = -100;

  private Losses() {}

  /**
   * The mean squared error of two tensors that broadcast: {@code mean((x − target)²)}; a scalar of
   * their type, but F32 where that has 16 bits.
   */
  public static Tensor mseLoss(Tensor x, Tensor target) {
    Check.alike("mseLoss", x, target);
    return Tensors.tidy(() -> Halves.wide(x).sub(Halves.wide(target)).square().mean());
  }

  /**
   * The mean of {@code −log softmax(logits)[target]} over all rows whose target is not {@link
   * #IGNORE_INDEX}; NaN if there is none, as in PyTorch.
   *
   * @param logits […, C], floating; unlike PyTorch's, always with the classes last
   * @param targets class numbers, I64 or I32, of the shape of logits without C
   * @return a scalar of the logits' type, but F32 where that has 16 bits: losses are sums
   * @throws IndexOutOfRangeException if a class number is outside [0, C)
   */
  public static Tensor crossEntropy(Tensor logits, Tensor targets) {
    return Tensors.tidy(
        () -> {
          Tensor losses = crossEntropyPerRow(logits, targets);
          return losses.sum().div(targets.ne(IGNORE_INDEX).to(losses.dtype()).sum());
        });
  }

  /**
   * Cross-entropy of each row, 0 where the target is {@link #IGNORE_INDEX}: the shape of targets,
   * the type as in {@link #crossEntropy}.
   */
  public static Tensor crossEntropyPerRow(Tensor logits, Tensor targets) {
    Check.floating("crossEntropy", logits);
    Check.rankAtLeast("crossEntropy", logits, 1);
    Check.sameDevice("crossEntropy", logits, targets);
    Check.that(
        targets.dtype() == DType.I64 || targets.dtype() == DType.I32,
        "crossEntropy",
        () -> "targets must be I64 or I32 class numbers, got " + targets.dtype());
    long[] rows = Arrays.copyOf(logits.shape().toArray(), logits.rank() - 1);
    Check.shape("crossEntropy", "targets", targets.shape(), Shape.of(rows));
    return Tensors.tidy(
        () -> perRow(Halves.widens(logits) ? Halves.wide(logits) : logits, targets));
  }

  private static Tensor perRow(Tensor logits, Tensor targets) {
    Tensor x = Softmax.inRows(logits);
    Tensor y = Movement.contiguous(Cast.to(targets, DType.I64));
    Shape flat = Shape.of(y.numel());
    DType wide = x.dtype().widened();
    Tensor losses = Tensors.empty(y.shape(), wide, Tensors.context(x));
    Tensor logSumExp = Tensors.empty(flat, wide, Tensors.context(x));
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
            return Graph.composedVjp(
                g, new Tensor[] {in}, saves, own -> composed(own[0], targetsOf));
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
    Tensor classes = Tensor.arange(logits.size(-1), DType.I64, logits.device());
    Tensor hit = Movement.unsqueeze(targets, -1).eq(classes);
    Tensor zero = Tensor.full(Shape.scalar(), 0, logits.dtype(), logits.device());
    return Tensor.where(hit, Softmax.logSoftmax(logits, -1).neg(), zero).sum(false, -1);
  }
}
