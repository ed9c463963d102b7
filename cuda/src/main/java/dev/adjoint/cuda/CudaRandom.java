package dev.adjoint.cuda;

import dev.adjoint.DType;
import dev.adjoint.spi.RandomKernels;
import dev.adjoint.spi.RandomKernels.Dropout;
import dev.adjoint.spi.RandomKernels.NextKey;
import dev.adjoint.spi.RandomKernels.Normal;
import dev.adjoint.spi.RandomKernels.Uniform;
import dev.adjoint.spi.View;

/** Launches of random.cu. A thread takes what one counter gives: four words of 32 bits. */
final class CudaRandom {
  private static final int WORDS = 4;

  private final CudaDevice device;

  CudaRandom(CudaDevice device) {
    this.device = device;
  }

  CudaCall call(RandomKernels kernel) {
    return switch (kernel) {
      case NextKey k ->
          new CudaCall(device, new Launch(device.kernels().of(k), k.words(), 1, 1, 1, 0));
      case Uniform k -> call(k, counters(k.out()));
      case Normal k -> call(k, counters(k.out()));
      // Draws of 32 bits for float64, too.
      case Dropout k -> call(k, Math.ceilDiv(k.out().numel(), WORDS));
    };
  }

  private CudaCall call(RandomKernels kernel, long counters) {
    CudaKernel function = device.kernels().of(kernel);
    int blocks = Grid.blocks(device, counters);
    return new CudaCall(device, new Launch(function, kernel.words(), blocks, 1, Grid.THREADS, 0));
  }

  private static long counters(View out) {
    return Math.ceilDiv(out.numel(), out.dtype() == DType.F64 ? WORDS / 2 : WORDS);
  }
}
