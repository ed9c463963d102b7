package dev.adjoint.spi;

import static dev.adjoint.spi.Words.cols;
import static dev.adjoint.spi.Words.rows;

import dev.adjoint.spi.Symbols.Types;
import java.util.stream.Stream;

/** Cross-entropy of rows of logits, without storing probabilities. */
public sealed interface LossKernels extends Kernel {
  /** The names of these kernels. */
  static Stream<Symbols> names() {
    return Stream.of(CrossEntropy.NAMES, CrossEntropyGrad.NAMES);
  }

  /** Rows of scores of classes. */
  View logits();

  @Override
  default long elements() {
    return logits().numel();
  }

  /**
   * {@code losses[r] = logSumExp(logits[r]) − logits[r, targets[r]]}, 0 where the target is {@code
   * ignoreIndex}. Another target outside [0, classes) is an index out of range, as in {@link
   * IndexKernels}.
   *
   * @param logits [rows, classes], floating; its rows are dense, and any distance apart
   * @param targets contiguous I64 [rows]
   * @param losses contiguous [rows] of the logits' type, of F32 where that is BF16
   * @param logSumExp contiguous [rows, 2] of the same, kept for the gradient: the largest logit
   *     that is not NaN, and {@code log Σ exp(logit − largest)}. Their sum would lose the second
   *     behind a large first one
   */
  record CrossEntropy(View logits, View targets, View losses, View logSumExp, long ignoreIndex)
      implements LossKernels {
    private static final Symbols NAMES = new Symbols("cross_entropy", Types.COMPUTED);

    @Override
    public Symbol symbol() {
      return NAMES.of(logits.dtype());
    }

    @Override
    public long[] words() {
      return new long[] {
        logits.address(),
        targets.address(),
        losses.address(),
        logSumExp.address(),
        logits.layout().stride(0),
        rows(logits),
        cols(logits),
        ignoreIndex
      };
    }
  }

  /**
   * {@code out[r, c] = grad[r] · (softmax(logits[r])[c] − [c = targets[r]])}, 0 in ignored rows.
   *
   * @param grad [rows] of the losses' type, any stride (0 when one gradient serves all rows)
   * @param logSumExp what {@link CrossEntropy} left
   * @param out like logits, rows another distance apart if need be
   */
  record CrossEntropyGrad(
      View grad, View logits, View targets, View logSumExp, View out, long ignoreIndex)
      implements LossKernels {
    private static final Symbols NAMES = new Symbols("cross_entropy_grad", Types.COMPUTED);

    @Override
    public Symbol symbol() {
      return NAMES.of(logits.dtype());
    }

    @Override
    public long[] words() {
      return new long[] {
        grad.address(),
        logits.address(),
        targets.address(),
        logSumExp.address(),
        out.address(),
        grad.layout().stride(0),
        logits.layout().stride(0),
        out.layout().stride(0),
        rows(logits),
        cols(logits),
        ignoreIndex
      };
    }
  }
}
