package dev.adjoint.cuda;

import dev.adjoint.spi.ArgumentBlocks;
import dev.adjoint.spi.IndexKernels;
import dev.adjoint.spi.KernelCall;
import dev.adjoint.spi.View;

/** Launches of index.cu. */
interface CudaIndexing extends IndexKernels, CudaFamily {
  /** What a thread moves at once where rows are aligned to it, as they mostly are. */
  int UNIT_BYTES = 16;

  /** Blocks of scatter_add for each multiprocessor: each reads all indices, so not too many. */
  int OWNERS_PER_MULTIPROCESSOR = 8;

  /** A call whose block ends with where and how to report an index out of range. */
  private KernelCall call(CudaKernel kernel, long[] words, long blocks, long columnBlocks) {
    long[] checked = Words.join(words, device().errorWord(), kernel.number());
    int gridX = Math.toIntExact(blocks);
    int gridY = Math.toIntExact(columnBlocks);
    return new CudaCall(device(), new Launch(kernel, checked, gridX, gridY, Grid.THREADS, 0));
  }

  @Override
  default KernelCall gather(View table, View indices, View out) {
    long units = Math.ceilDiv(out.numel() * out.dtype().bytes(), UNIT_BYTES);
    long[] words = ArgumentBlocks.gather(table, indices, out);
    return call(table().gather, words, Grid.blocks(device(), units), 1);
  }

  @Override
  default KernelCall scatterAdd(View x, View indices, View out) {
    long columnBlocks = Math.max(1, Math.ceilDiv(out.layout().size(1), Grid.THREADS));
    long useful =
        Math.max(1, (long) OWNERS_PER_MULTIPROCESSOR * device().multiprocessors() / columnBlocks);
    long rows = Math.max(1, Math.min(out.layout().size(0), indices.numel()));
    long owners = Math.min(Long.highestOneBit(useful), Grid.powerOfTwo(rows));
    long[] words = ArgumentBlocks.scatterAdd(x, indices, out);
    return call(table().scatterAdd.of(out.dtype()), words, owners, columnBlocks);
  }
}
