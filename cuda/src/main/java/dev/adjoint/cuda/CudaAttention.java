package dev.adjoint.cuda;

import dev.adjoint.spi.ArgumentBlocks;
import dev.adjoint.spi.AttentionKernels;
import dev.adjoint.spi.KernelCall;
import dev.adjoint.spi.KernelFamily;
import dev.adjoint.spi.KernelTable;
import dev.adjoint.spi.Layout;
import dev.adjoint.spi.Memory;
import dev.adjoint.spi.View;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Launches the kernels of {@code attention.cu}. */
final class CudaAttention implements AttentionKernels {
  private static final int WARP = 32;

  /** 16 by 16 threads for a square tile of results, 16 bytes of a row each. */
  private static final int BLOCK = 256;

  private static final long TILE_BYTES = 256;

  private final CudaDevice device;
  private final KernelTable<CudaKernel> kernels;
  private final KernelFamily<CudaKernel> deltas;
  private final KernelFamily<CudaKernel> gradsOfQ;

  CudaAttention(CudaDevice device, CudaKernels kernels) {
    this.device = device;
    this.kernels = kernels.table();
    this.deltas = family(kernels, "attention_grad_delta");
    this.gradsOfQ = family(kernels, "attention_grad_q");
  }

  private static KernelFamily<CudaKernel> family(CudaKernels kernels, String name) {
    return new KernelFamily<>(kernels::get, name, KernelTable.FLOATING);
  }

  /** A launch whose blocks each take a tile of a result like {@code heads}, [B, H, T, D]. */
  private static Launch perTile(CudaKernel kernel, long[] words, View heads) {
    Layout layout = heads.layout();
    long side = TILE_BYTES / heads.dtype().bytes();
    long tiles = Math.ceilDiv(layout.size(2), side) * Math.ceilDiv(layout.size(3), side);
    return new Launch(
        kernel, words, Grid.of(layout.size(0) * layout.size(1) * tiles, 1), 1, BLOCK, 0);
  }

  @Override
  public long attentionScratchBytes(View q, View k) {
    return 0;
  }

  @Override
  public KernelCall attention(
      View q,
      View k,
      View v,
      boolean causal,
      double scale,
      View out,
      View logSumExp,
      Memory scratch) {
    long[] words =
        ArgumentBlocks.attention(q, k, v, causal, scale, out, logSumExp, scratch.address());
    return new CudaCall(device, perTile(kernels.attention.of(q.dtype()), words, out));
  }

  /** Rows of q in all heads. */
  private static long queries(View q) {
    return q.layout().size(0) * q.layout().size(1) * q.layout().size(2);
  }

  @Override
  public long attentionGradScratchBytes(View q, View k) {
    return queries(q) * q.dtype().bytes();
  }

  @Override
  public KernelCall attentionGrad(
      View grad,
      View q,
      View k,
      View v,
      View out,
      View logSumExp,
      boolean causal,
      double scale,
      @Nullable View gradQ,
      @Nullable View gradK,
      @Nullable View gradV,
      Memory scratch) {
    CudaKernel kernel = kernels.attentionGrad.of(q.dtype());
    long[] words =
        ArgumentBlocks.attentionGrad(
            grad, q, k, v, out, logSumExp, causal, scale, gradQ, gradK, gradV, scratch.address());
    List<CudaCall.Step> steps = new ArrayList<>();
    steps.add(
        new Launch(deltas.of(q.dtype()), words, Grid.of(queries(q), BLOCK / WARP), 1, BLOCK, 0));
    if (gradK != null || gradV != null) {
      steps.add(perTile(kernel, words, k));
    }
    if (gradQ != null) {
      steps.add(perTile(gradsOfQ.of(q.dtype()), words, q));
    }
    return new CudaCall(kernel.name(), device, steps);
  }
}
