package dev.adjoint.cuda;

import dev.adjoint.spi.ArgumentBlocks;
import dev.adjoint.spi.BinaryKernel;
import dev.adjoint.spi.ElementwiseKernels;
import dev.adjoint.spi.KernelCall;
import dev.adjoint.spi.UnaryKernel;
import dev.adjoint.spi.View;

/** Launches of elementwise.cu. */
interface CudaElementwise extends ElementwiseKernels, CudaFamily {

  /**
   * One thread for each packet.
   *
   * @param head the words before the number of loops
   * @param widest the bytes of the operands' widest elements
   */
  private KernelCall call(CudaKernel kernel, long[] words, int head, View out, int widest) {
    Loops.check(kernel, words[head], out.layout().shape());
    int blocks = Grid.blocks(device(), Math.ceilDiv(out.numel(), Grid.packet(widest)));
    return new CudaCall(device(), new Launch(kernel, words, blocks, 1, Grid.THREADS, 0));
  }

  private static int widest(View in, View out) {
    return Math.max(in.dtype().bytes(), out.dtype().bytes());
  }

  @Override
  default KernelCall unary(UnaryKernel kernel, View x, View out) {
    CudaKernel target = table().unary.of(kernel, x.dtype());
    return call(target, ArgumentBlocks.unary(x, out), 2, out, widest(x, out));
  }

  @Override
  default KernelCall unaryGrad(UnaryKernel kernel, View grad, View saved, View out) {
    CudaKernel target = table().unaryGrad.of(kernel, grad.dtype());
    return call(target, ArgumentBlocks.unaryGrad(grad, saved, out), 3, out, widest(grad, out));
  }

  @Override
  default KernelCall binary(BinaryKernel kernel, View a, View b, View out) {
    CudaKernel target = table().binary.of(kernel, a.dtype());
    return call(target, ArgumentBlocks.binary(a, b, out), 3, out, widest(a, out));
  }

  @Override
  default KernelCall binaryScalar(
      BinaryKernel kernel, View a, double scalar, boolean scalarFirst, View out) {
    CudaKernel target = table().binaryScalar.of(kernel, a.dtype());
    long[] words = ArgumentBlocks.binaryScalar(a, scalar, scalarFirst, out);
    return call(target, words, 4, out, widest(a, out));
  }

  @Override
  default KernelCall where(View condition, View a, View b, View out) {
    CudaKernel target = table().where.of(out.dtype());
    return call(target, ArgumentBlocks.where(condition, a, b, out), 4, out, widest(a, out));
  }

  @Override
  default KernelCall copy(View x, View out) {
    long[] words = ArgumentBlocks.unary(x, out);
    TransposedCopy transposed = TransposedCopy.of(words);
    if (transposed == null) {
      return call(table().copy.of(x.dtype()), words, 2, out, widest(x, out));
    }
    CudaKernel kernel = kernels().transpose(x.dtype().bytes());
    Loops.check(kernel, words[2], out.layout().shape());
    int blocks = Grid.blocks(device(), transposed.tiles() * Grid.THREADS);
    return new CudaCall(
        device(), new Launch(kernel, transposed.words(), blocks, 1, Grid.THREADS, 0));
  }

  @Override
  default KernelCall cast(View x, View out) {
    if (x.dtype() == out.dtype()) {
      return copy(x, out);
    }
    CudaKernel target = table().castFrom.of(x.dtype(), out.dtype());
    return call(target, ArgumentBlocks.unary(x, out), 2, out, widest(x, out));
  }

  @Override
  default KernelCall fill(View out, double value) {
    CudaKernel target = table().fill.of(out.dtype());
    return call(target, ArgumentBlocks.fill(out, value), 2, out, widest(out, out));
  }
}
