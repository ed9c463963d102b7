package dev.adjoint.cuda;

import dev.adjoint.spi.ArgumentBlocks;
import dev.adjoint.spi.KernelCall;
import dev.adjoint.spi.KernelTable;
import dev.adjoint.spi.LossKernels;
import dev.adjoint.spi.View;

/**
 * Launches the kernels of {@code loss.cu}. A row whose target is out of range is left alone; the
 * next synchronisation throws.
 */
final class CudaLosses implements LossKernels {
  private final CudaDevice device;
  private final KernelTable<CudaKernel> kernels;

  CudaLosses(CudaDevice device, CudaKernels kernels) {
    this.device = device;
    this.kernels = kernels.table();
  }

  @Override
  public KernelCall crossEntropy(
      View logits, View targets, long ignoreIndex, View losses, View logSumExp) {
    return perRow(
        kernels.crossEntropy.of(logits.dtype()),
        logits,
        ArgumentBlocks.crossEntropy(logits, targets, ignoreIndex, losses, logSumExp));
  }

  @Override
  public KernelCall crossEntropyGrad(
      View grad, View logits, View targets, long ignoreIndex, View logSumExp, View out) {
    return perRow(
        kernels.crossEntropyGrad.of(logits.dtype()),
        logits,
        ArgumentBlocks.crossEntropyGrad(grad, logits, targets, ignoreIndex, logSumExp, out));
  }

  private CudaCall perRow(CudaKernel kernel, View logits, long[] block) {
    RowTeams teams = RowTeams.of(logits.dtype(), logits.layout().size(1), 0, 0);
    long[] words = teams.behind(Words.join(block, device.errorWord(), kernel.number()));
    return new CudaCall(device, teams.launch(kernel, words, logits.layout().size(0)));
  }
}
