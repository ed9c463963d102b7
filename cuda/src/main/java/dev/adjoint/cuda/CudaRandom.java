package dev.adjoint.cuda;

import dev.adjoint.DType;
import dev.adjoint.spi.ArgumentBlocks;
import dev.adjoint.spi.KernelCall;
import dev.adjoint.spi.RandomKernels;
import dev.adjoint.spi.View;

/** Launches of random.cu. A thread takes what one counter gives: four words of 32 bits. */
interface CudaRandom extends RandomKernels, CudaFamily {
  int WORDS = 4;

  private KernelCall call(CudaKernel kernel, long[] words, long counters) {
    int blocks = Grid.blocks(device(), counters);
    return new CudaCall(device(), new Launch(kernel, words, blocks, 1, Grid.THREADS, 0));
  }

  @Override
  default KernelCall nextKey(View state, View key) {
    long[] words = ArgumentBlocks.nextKey(state, key);
    return new CudaCall(device(), new Launch(table().nextKey, words, 1, 1, 1, 0));
  }

  private static long counters(View out) {
    return Math.ceilDiv(out.numel(), out.dtype() == DType.F64 ? WORDS / 2 : WORDS);
  }

  @Override
  default KernelCall uniform(View key, double low, double high, View out) {
    CudaKernel kernel = table().uniform.of(out.dtype());
    return call(kernel, ArgumentBlocks.random(key, low, high, out), counters(out));
  }

  @Override
  default KernelCall normal(View key, double mean, double std, View out) {
    CudaKernel kernel = table().normal.of(out.dtype());
    return call(kernel, ArgumentBlocks.random(key, mean, std, out), counters(out));
  }

  @Override
  default KernelCall dropout(View key, double p, View x, View out) {
    // Draws of 32 bits for float64, too.
    long counters = Math.ceilDiv(out.numel(), WORDS);
    return call(table().dropout.of(out.dtype()), ArgumentBlocks.dropout(key, p, x, out), counters);
  }
}
