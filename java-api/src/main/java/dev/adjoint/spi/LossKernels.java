package dev.adjoint.spi;

/** Cross-entropy of rows of logits, without storing probabilities. */
public interface LossKernels {
  /**
   * {@code losses[r] = logSumExp(logits[r]) − logits[r, targets[r]]}, 0 where the target is {@code
   * ignoreIndex}. Another target outside [0, classes) is an index out of range, as in {@link
   * IndexKernels}.
   *
   * @param logits contiguous [rows, classes], F32 or F64
   * @param targets contiguous I64 [rows]
   * @param losses contiguous [rows]
   * @param logSumExp contiguous [rows], kept for the gradient
   */
  KernelCall crossEntropy(View logits, View targets, long ignoreIndex, View losses, View logSumExp);

  /**
   * {@code out[r, c] = grad[r] · (softmax(logits[r])[c] − [c = targets[r]])}, 0 in ignored rows.
   *
   * @param grad [rows], any stride (0 when one gradient serves all rows)
   */
  KernelCall crossEntropyGrad(
      View grad, View logits, View targets, long ignoreIndex, View logSumExp, View out);
}
