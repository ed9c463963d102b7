package dev.adjoint.cuda;

import dev.adjoint.spi.AttentionKernels.Attention;
import dev.adjoint.spi.AttentionKernels.AttentionGrad;
import dev.adjoint.spi.Scratch;
import dev.adjoint.DType;
import dev.adjoint.spi.AttentionKernels;
import dev.adjoint.spi.Layout;
import dev.adjoint.spi.View;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * Launches the kernels of {@code attention.cu}, and for 16 bits of {@code attention_mma.cu} where
 * heads are small enough for it.
 */
final class CudaAttention {
  private final CudaDevice device;

  CudaAttention(CudaDevice device) {
    this.device = device;
  }

  /** All kernels, by element type and size of heads. */
  static final class Variants {
    static final Set<DType> FLOATING = Set.of(DType.F32, DType.F64, DType.BF16, DType.F16);

    /** From those for the smallest heads to those for any. */
    private final Map<DType, List<Kernels>> bySize = new EnumMap<>(DType.class);

    private final KernelFamily deltas;

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
      deltas = new KernelFamily(kernels::get, "attention_grad_delta", FLOATING);
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

  CudaCall call(AttentionKernels kernel, Scratch scratch) {
    return switch (kernel) {
      case Attention k -> forward(k);
      case AttentionGrad k -> backward(k, scratch);
    };
  }

  private CudaCall forward(Attention k) {
    Kernels kernels = device.kernels().attention.of(k.q());
    return new CudaCall(device, kernels.launch(kernels.attention, k.words(), k.out()));
  }

  /** Rows of q in all heads. */
  private static long queries(View q) {
    return q.layout().size(0) * q.layout().size(1) * q.layout().size(2);
  }

  private CudaCall backward(AttentionGrad k, Scratch scratch) {
    View q = k.q();
    Kernels kernels = device.kernels().attention.of(q);
    long[] words = k.words();
    words[k.symbol().scratchWord()] =
        scratch.take(queries(q) * q.dtype().widened().bytes()).address();
    List<CudaCall.Step> steps = new ArrayList<>();
    steps.add(
        new Launch(
            device.kernels().attention.deltas.of(q.dtype()),
            words,
            Grid.of(queries(q), Grid.THREADS / Grid.WARP),
            1,
            Grid.THREADS,
            0));
    if (k.gradK() != null || k.gradV() != null) {
      steps.add(kernels.launch(kernels.grad, words, k.k()));
    }
    if (k.gradQ() != null) {
      steps.add(kernels.launch(kernels.gradOfQ, words, q));
    }
    return new CudaCall(kernels.grad.name(), device, steps);
  }
}
