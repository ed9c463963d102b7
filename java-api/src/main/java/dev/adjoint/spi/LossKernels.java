package dev.adjoint.spi;

/** Cross-entropy of rows of logits, without storing probabilities. */
public interface LossKernels {
  /**
   * {@code losses[r] = logSumExp(logits[r]) − logits[r, targets[r]]}, 0 where the target is {@code
   * ignoreIndex}. Another target outside [0, classes) is an index out of range, as in {@link
   * IndexKernels}.
   *
   * @param logits [rows, classes], floating; its rows are dense, and any distance apart
   * @param targets contiguous I64 [rows]
   * @param losses contiguous [rows] of the logits' type, of F32 where that is BF16
   * @param logSumExp contiguous [rows] of the same, kept for the gradient
   */
  KernelCall crossEntropy(View logits, View targets, long ignoreIndex, View losses, View logSumExp);

  /**
   * {@code out[r, c] = grad[r] · (softmax(logits[r])[c] − [c = targets[r]])}, 0 in ignored rows.
   *
   * @param grad [rows] of the losses' type, any stride (0 when one gradient serves all rows)
   * @param out like logits, rows another distance apart if need be
   */
  KernelCall crossEntropyGrad(
      View grad, View logits, View targets, long ignoreIndex, View logSumExp, View out);
}
