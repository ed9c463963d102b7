package dev.adjoint.cuda;

import dev.adjoint.spi.LossKernels;
import dev.adjoint.spi.View;

/**
 * Launches the kernels of {@code loss.cu}. A row whose target is out of range is left alone; the
 * next synchronisation throws.
 */
final class CudaLosses {
  private final CudaDevice device;

  CudaLosses(CudaDevice device) {
    this.device = device;
  }

  CudaCall call(LossKernels kernel) {
    View logits = kernel.logits();
    CudaKernel function = device.kernels().of(kernel);
    RowTeams teams = RowTeams.of(logits.dtype(), logits.layout().size(1), 0, 0);
    long[] words = teams.behind(Words.join(kernel.words(), device.errorWord(), function.number()));
    return new CudaCall(device, teams.launch(function, words, logits.layout().size(0)));
  }
}
