package dev.adjoint.cuda;

import dev.adjoint.spi.NormKernels;
import dev.adjoint.spi.NormKernels.LayerNorm;
import dev.adjoint.spi.NormKernels.LayerNormGrad;
import dev.adjoint.spi.NormKernels.LogSoftmax;
import dev.adjoint.spi.NormKernels.LogSoftmaxGrad;
import dev.adjoint.spi.NormKernels.RmsNorm;
import dev.adjoint.spi.NormKernels.RmsNormGrad;
import dev.adjoint.spi.NormKernels.Softmax;
import dev.adjoint.spi.NormKernels.SoftmaxGrad;
import dev.adjoint.spi.Scratch;
import dev.adjoint.spi.View;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Launches the kernels of {@code norm.cu}. */
final class CudaNorms {
  /** How many rows of its operands a team keeps at hand, see the kernels. */
  private static final int SOFTMAX_KEPT = 1;

  private static final int SOFTMAX_GRAD_KEPT = 2;
  private static final int NORM_KEPT = 1;
  private static final int NORM_GRAD_KEPT = 2;
  private static final int NORM_GRAD_SUMS = 2;

  /**
   * Parts of the rows whose weight gradients are summed apart: enough to fill the largest devices;
   * each of some rows, lest its sums cost more than the rows themselves.
   */
  private static final long MAX_PARTS = 1024;

  private static final long MIN_TEAM_ROWS = 8;

  private static final int JOIN_BLOCK = 256;
  private static final int JOIN_COLUMNS = 32;

  private final CudaDevice device;

  CudaNorms(CudaDevice device) {
    this.device = device;
  }

  CudaCall call(NormKernels kernel, Scratch scratch) {
    return switch (kernel) {
      case Softmax k -> perRow(k, k.x(), SOFTMAX_KEPT);
      case LogSoftmax k -> perRow(k, k.x(), SOFTMAX_KEPT);
      case SoftmaxGrad k -> perRow(k, k.y(), SOFTMAX_GRAD_KEPT);
      case LogSoftmaxGrad k -> perRow(k, k.y(), SOFTMAX_GRAD_KEPT);
      case LayerNorm k -> perRow(k, k.x(), NORM_KEPT);
      case RmsNorm k -> perRow(k, k.x(), NORM_KEPT);
      case LayerNormGrad k -> gradient(k, k.x(), k.gradWeight(), k.gradBias(), scratch);
      case RmsNormGrad k -> gradient(k, k.x(), k.gradWeight(), null, scratch);
    };
  }

  private static long rows(View matrix) {
    return matrix.layout().size(0);
  }

  private static long cols(View matrix) {
    return matrix.layout().size(1);
  }

  private CudaCall perRow(NormKernels kernel, View x, int kept) {
    RowTeams teams = RowTeams.of(x.dtype(), cols(x), kept, 0);
    CudaKernel function = device.kernels().of(kernel);
    return new CudaCall(device, teams.launch(function, teams.behind(kernel.words()), rows(x)));
  }

  /** How the gradients' rows are cut into parts, a block for each. */
  private record Parts(RowTeams teams, long rows) {
    static Parts of(View x) {
      RowTeams teams = RowTeams.of(x.dtype(), cols(x), NORM_GRAD_KEPT, NORM_GRAD_SUMS);
      long least = MIN_TEAM_ROWS * teams.teams();
      return new Parts(teams, Math.max(least, Math.ceilDiv(CudaNorms.rows(x), MAX_PARTS)));
    }

    int count(View x) {
      return Grid.of(CudaNorms.rows(x), rows);
    }
  }

  private CudaCall gradient(
      NormKernels kernel,
      View x,
      @Nullable View gradWeight,
      @Nullable View gradBias,
      Scratch scratch) {
    Parts parts = Parts.of(x);
    RowTeams teams = parts.teams();
    long[] block = kernel.words();
    long bytes = parts.count(x) * 2L * cols(x) * x.dtype().widened().bytes();
    block[kernel.symbol().scratchWord()] = scratch.take(bytes).address();
    long[] words = Words.join(teams.behind(block), parts.rows());
    CudaKernel function = device.kernels().of(kernel);
    List<CudaCall.Step> steps = new ArrayList<>();
    steps.add(new Launch(function, words, parts.count(x), 1, teams.block(), teams.sharedBytes()));
    if (gradWeight != null || gradBias != null) {
      CudaKernel join = device.kernels().normGradJoin.of(x.dtype().widened());
      long sums = gradBias == null ? cols(x) : 2 * cols(x);
      steps.add(new Launch(join, words, Grid.of(sums, JOIN_COLUMNS), 1, JOIN_BLOCK, 0));
    }
    return new CudaCall(function.name(), device, steps);
  }
}
