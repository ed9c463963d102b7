package dev.adjoint.cuda;

import dev.adjoint.DType;
import dev.adjoint.spi.ArgumentBlocks;
import dev.adjoint.spi.AttentionKernels;
import dev.adjoint.spi.KernelCall;
import dev.adjoint.spi.KernelFamily;
import dev.adjoint.spi.Layout;
import dev.adjoint.spi.Memory;
import dev.adjoint.spi.View;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Launches the kernels of {@code attention.cu}, and for 16 bits of {@code attention_mma.cu} where
 * heads are small enough for it.
 */
interface CudaAttention extends AttentionKernels, CudaFamily {
  /** All kernels, by element type and size of heads. */
  final class Variants {
    static final Set<DType> FLOATING = Set.of(DType.F32, DType.F64, DType.BF16, DType.F16);

    /** From those for the smallest heads to those for any. */
    private final Map<DType, List<Kernels>> bySize = new EnumMap<>(DType.class);

    private final KernelFamily<CudaKernel> deltas;

    Variants(CudaKernels kernels) {
      for (DType dtype : FLOATING) {
        Kernels plain = Kernels.plain(kernels, dtype);
        bySize.put(
            dtype,
            dtype.isHalf()
                ? List.of(
                    Kernels.onTensorCores(kernels, dtype, 64),
                    Kernels.onTensorCores(kernels, dtype, 128),
                    plain)
                : List.of(plain));
      }
      deltas = new KernelFamily<>(kernels::get, "attention_grad_delta", FLOATING);
    }

    private Kernels of(View q) {
      List<Kernels> kernels = Objects.requireNonNull(bySize.get(q.dtype()));
      int i = 0;
      while (i < kernels.size() - 1 && q.layout().size(3) > kernels.get(i).columns()) {
        i++;
      }
      return kernels.get(i);
    }
  }

  /**
   * Kernels that belong together.
   *
   * @param block threads of a block
   * @param rows of a result that a block works on at a time
   * @param columns of them
   */
  record Kernels(
      CudaKernel attention,
      CudaKernel grad,
      CudaKernel gradOfQ,
      int block,
      long rows,
      long columns) {

    private static Kernels of(
        CudaKernels kernels, String suffix, int block, long rows, long columns) {
      return new Kernels(
          kernels.get("attention_" + suffix),
          kernels.get("attention_grad_" + suffix),
          kernels.get("attention_grad_q_" + suffix),
          block,
          rows,
          columns);
    }

    /** 16 by 16 threads for a square tile of results, 16 bytes of a row each. */
    static Kernels plain(CudaKernels kernels, DType dtype) {
      long side = 256 / dtype.widened().bytes();
      return of(kernels, dtype.suffix(), 256, side, side);
    }

    /** Four warps with 16 whole rows each: {@code ADJ_MMA_THREADS}, {@code ADJ_OWNED_ROWS}. */
    static Kernels onTensorCores(CudaKernels kernels, DType dtype, int width) {
      return of(kernels, width + "_" + dtype.suffix(), 128, 64, width);
    }

    /** A launch whose blocks each take a tile of a result like {@code heads}, [B, H, T, D]. */
    Launch launch(CudaKernel kernel, long[] words, View heads) {
      Layout layout = heads.layout();
      long tiles = Math.ceilDiv(layout.size(2), rows) * Math.ceilDiv(layout.size(3), columns);
      return new Launch(
          kernel, words, Grid.of(layout.size(0) * layout.size(1) * tiles, 1), 1, block, 0);
    }
  }

  @Override
  default long attentionScratchBytes(View q, View k) {
    return 0;
  }

  @Override
  default KernelCall attention(
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
    Kernels kernels = kernels().attention.of(q);
    return new CudaCall(device(), kernels.launch(kernels.attention, words, out));
  }

  /** Rows of q in all heads. */
  private static long queries(View q) {
    return q.layout().size(0) * q.layout().size(1) * q.layout().size(2);
  }

  @Override
  default long attentionGradScratchBytes(View q, View k) {
    return queries(q) * q.dtype().widened().bytes();
  }

  @Override
  default KernelCall attentionGrad(
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
    Kernels kernels = kernels().attention.of(q);
    long[] words =
        ArgumentBlocks.attentionGrad(
            grad, q, k, v, out, logSumExp, causal, scale, gradQ, gradK, gradV, scratch.address());
    List<CudaCall.Step> steps = new ArrayList<>();
    steps.add(
        new Launch(
            kernels().attention.deltas.of(q.dtype()),
            words,
            Grid.of(queries(q), Grid.THREADS / Grid.WARP),
            1,
            Grid.THREADS,
            0));
    if (gradK != null || gradV != null) {
      steps.add(kernels.launch(kernels.grad, words, k));
    }
    if (gradQ != null) {
      steps.add(kernels.launch(kernels.gradOfQ, words, q));
    }
    return new CudaCall(kernels.grad.name(), device(), steps);
  }
}
