package dev.adjoint.cuda;

import dev.adjoint.spi.IndexKernels;
import dev.adjoint.spi.IndexKernels.Gather;
import dev.adjoint.spi.IndexKernels.ScatterAdd;
import dev.adjoint.spi.View;

/** Launches of index.cu. */
final class CudaIndexing {
  /** What a thread moves at once where rows are aligned to it, as they mostly are. */
  private static final int UNIT_BYTES = 16;

  /** Blocks of scatter_add for each multiprocessor: each reads all indices, so not too many. */
  private static final int OWNERS_PER_MULTIPROCESSOR = 8;

  private final CudaDevice device;

  CudaIndexing(CudaDevice device) {
    this.device = device;
  }

  CudaCall call(IndexKernels kernel) {
    return switch (kernel) {
      case Gather k -> gather(k);
      case ScatterAdd k -> scatterAdd(k);
    };
  }

  /** A call whose block ends with where and how to report an index out of range. */
  private CudaCall call(IndexKernels kernel, long blocks, long columnBlocks) {
    CudaKernel function = device.kernels().of(kernel);
    long[] checked = Words.join(kernel.words(), device.errorWord(), function.number());
    int gridX = Math.toIntExact(blocks);
    int gridY = Math.toIntExact(columnBlocks);
    return new CudaCall(device, new Launch(function, checked, gridX, gridY, Grid.THREADS, 0));
  }

  private CudaCall gather(Gather k) {
    View out = k.out();
    long units = Math.ceilDiv(out.numel() * out.dtype().bytes(), UNIT_BYTES);
    return call(k, Grid.blocks(device, units), 1);
  }

  private CudaCall scatterAdd(ScatterAdd k) {
    long tableRows = k.out().layout().size(0);
    long columnBlocks = Math.max(1, Math.ceilDiv(k.out().layout().size(1), Grid.THREADS));
    long useful =
        Math.max(1, (long) OWNERS_PER_MULTIPROCESSOR * device.multiprocessors() / columnBlocks);
    long rows = Math.max(1, Math.min(tableRows, k.indices().numel()));
    long owners = Math.min(Long.highestOneBit(useful), Grid.powerOfTwo(rows));
    return call(k, owners, columnBlocks);
  }
}
