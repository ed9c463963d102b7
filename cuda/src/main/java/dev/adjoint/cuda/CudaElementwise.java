package dev.adjoint.cuda;

import dev.adjoint.spi.ArgumentBlocks;
import dev.adjoint.spi.BinaryKernel;
import dev.adjoint.spi.ElementwiseKernels;
import dev.adjoint.spi.KernelCall;
import dev.adjoint.spi.KernelTable;
import dev.adjoint.spi.UnaryKernel;
import dev.adjoint.spi.View;
import java.util.Map;
import java.util.Objects;

/** Launches of elementwise.cu. */
final class CudaElementwise implements ElementwiseKernels {
  private final CudaDevice device;
  private final KernelTable<CudaKernel> kernels;

  /** By the bytes of an element. */
  private final Map<Integer, CudaKernel> transposes;

  CudaElementwise(CudaDevice device, CudaKernels kernels) {
    this.device = device;
    this.kernels = kernels.table();
    this.transposes =
        Map.of(
            1, kernels.get("transpose_8"),
            2, kernels.get("transpose_16"),
            4, kernels.get("transpose_32"),
            8, kernels.get("transpose_64"));
  }

  /**
   * One thread for each packet.
   *
   * @param widest the bytes of the operands' widest elements
   */
  private KernelCall call(CudaKernel kernel, long[] words, View out, int widest) {
    int blocks = Grid.blocks(device, Math.ceilDiv(out.numel(), Grid.packet(widest)));
    return new CudaCall(device, new Launch(kernel, words, blocks, 1, Grid.THREADS, 0));
  }

  private static int widest(View in, View out) {
    return Math.max(in.dtype().bytes(), out.dtype().bytes());
  }

  @Override
  public KernelCall unary(UnaryKernel kernel, View x, View out) {
    CudaKernel target = kernels.unary.of(kernel, x.dtype());
    return call(target, ArgumentBlocks.unary(x, out), out, widest(x, out));
  }

  @Override
  public KernelCall unaryGrad(UnaryKernel kernel, View grad, View saved, View out) {
    CudaKernel target = kernels.unaryGrad.of(kernel, grad.dtype());
    return call(target, ArgumentBlocks.unaryGrad(grad, saved, out), out, widest(grad, out));
  }

  @Override
  public KernelCall binary(BinaryKernel kernel, View a, View b, View out) {
    CudaKernel target = kernels.binary.of(kernel, a.dtype());
    return call(target, ArgumentBlocks.binary(a, b, out), out, widest(a, out));
  }

  @Override
  public KernelCall binaryScalar(
      BinaryKernel kernel, View a, double scalar, boolean scalarFirst, View out) {
    CudaKernel target = kernels.binaryScalar.of(kernel, a.dtype());
    long[] words = ArgumentBlocks.binaryScalar(a, scalar, scalarFirst, out);
    return call(target, words, out, widest(a, out));
  }

  @Override
  public KernelCall where(View condition, View a, View b, View out) {
    CudaKernel target = kernels.where.of(out.dtype());
    return call(target, ArgumentBlocks.where(condition, a, b, out), out, widest(a, out));
  }

  @Override
  public KernelCall copy(View x, View out) {
    long[] words = ArgumentBlocks.unary(x, out);
    TransposedCopy transposed = TransposedCopy.of(words);
    if (transposed == null) {
      return call(kernels.copy.of(x.dtype()), words, out, widest(x, out));
    }
    CudaKernel kernel = Objects.requireNonNull(transposes.get(x.dtype().bytes()));
    int blocks = Grid.blocks(device, transposed.tiles() * Grid.THREADS);
    return new CudaCall(device, new Launch(kernel, transposed.words(), blocks, 1, Grid.THREADS, 0));
  }

  @Override
  public KernelCall cast(View x, View out) {
    if (x.dtype() == out.dtype()) {
      return copy(x, out);
    }
    CudaKernel target = kernels.castFrom.of(x.dtype(), out.dtype());
    return call(target, ArgumentBlocks.unary(x, out), out, widest(x, out));
  }

  @Override
  public KernelCall fill(View out, double value) {
    CudaKernel target = kernels.fill.of(out.dtype());
    return call(target, ArgumentBlocks.fill(out, value), out, widest(out, out));
  }
}
