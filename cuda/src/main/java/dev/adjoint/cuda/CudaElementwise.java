package dev.adjoint.cuda;

import dev.adjoint.spi.ElementwiseKernels;
import dev.adjoint.spi.ElementwiseKernels.Binary;
import dev.adjoint.spi.ElementwiseKernels.BinaryScalar;
import dev.adjoint.spi.ElementwiseKernels.Cast;
import dev.adjoint.spi.ElementwiseKernels.Copy;
import dev.adjoint.spi.ElementwiseKernels.Fill;
import dev.adjoint.spi.ElementwiseKernels.Unary;
import dev.adjoint.spi.ElementwiseKernels.UnaryGrad;
import dev.adjoint.spi.ElementwiseKernels.Where;
import dev.adjoint.spi.View;

/** Launches of elementwise.cu. */
final class CudaElementwise {
  private final CudaDevice device;

  CudaElementwise(CudaDevice device) {
    this.device = device;
  }

  CudaCall call(ElementwiseKernels kernel) {
    return switch (kernel) {
      case Unary k -> launched(k, k.x(), 2);
      case UnaryGrad k -> launched(k, k.grad(), 3);
      case Binary k -> launched(k, k.a(), 3);
      case BinaryScalar k -> launched(k, k.a(), 4);
      case Where k -> launched(k, k.a(), 4);
      case Copy k -> copy(k);
      case Cast k -> launched(k, k.x(), 2);
      case Fill k -> launched(k, k.out(), 2);
    };
  }

  private CudaCall launched(ElementwiseKernels kernel, View in, int head) {
    return launched(kernel, kernel.words(), in, head);
  }

  /**
   * One thread for each packet.
   *
   * @param in of the widest elements, if those of the result are not wider
   * @param head the words before the number of loops
   */
  private CudaCall launched(ElementwiseKernels kernel, long[] words, View in, int head) {
    CudaKernel function = device.kernels().of(kernel);
    View out = kernel.out();
    Loops.check(function, words[head], out.layout().shape());
    int widest = Math.max(in.dtype().bytes(), out.dtype().bytes());
    int blocks = Grid.blocks(device, Math.ceilDiv(out.numel(), Grid.packet(widest)));
    return new CudaCall(device, new Launch(function, words, blocks, 1, Grid.THREADS, 0));
  }

  private CudaCall copy(Copy k) {
    long[] words = k.words();
    TransposedCopy transposed = TransposedCopy.of(words);
    if (transposed == null) {
      return launched(k, words, k.x(), 2);
    }
    CudaKernel kernel = device.kernels().transpose(k.x().dtype().bytes());
    Loops.check(kernel, words[2], k.out().layout().shape());
    int blocks = Grid.blocks(device, transposed.tiles() * Grid.THREADS);
    return new CudaCall(device, new Launch(kernel, transposed.words(), blocks, 1, Grid.THREADS, 0));
  }
}
