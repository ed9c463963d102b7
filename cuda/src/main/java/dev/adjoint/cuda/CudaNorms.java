package dev.adjoint.cuda;

import dev.adjoint.spi.ArgumentBlocks;
import dev.adjoint.spi.KernelCall;
import dev.adjoint.spi.KernelFamily;
import dev.adjoint.spi.KernelTable;
import dev.adjoint.spi.Memory;
import dev.adjoint.spi.NormKernels;
import dev.adjoint.spi.View;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Launches the kernels of {@code norm.cu}. */
final class CudaNorms implements NormKernels {
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
  private final KernelTable<CudaKernel> kernels;
  private final KernelFamily<CudaKernel> joins;

  CudaNorms(CudaDevice device, CudaKernels kernels) {
    this.device = device;
    this.kernels = kernels.table();
    this.joins = new KernelFamily<>(kernels::get, "norm_grad_join", KernelTable.FLOATING);
  }

  private static long rows(View matrix) {
    return matrix.layout().size(0);
  }

  private static long cols(View matrix) {
    return matrix.layout().size(1);
  }

  private CudaCall perRow(KernelFamily<CudaKernel> family, View x, int kept, long[] words) {
    RowTeams teams = RowTeams.of(x.dtype(), cols(x), kept, 0);
    return new CudaCall(device, teams.launch(family.of(x.dtype()), teams.behind(words), rows(x)));
  }

  @Override
  public KernelCall softmax(View x, View out) {
    return perRow(kernels.softmax, x, SOFTMAX_KEPT, ArgumentBlocks.softmax(x, out));
  }

  @Override
  public KernelCall softmaxGrad(View grad, View y, View out) {
    return perRow(
        kernels.softmaxGrad, y, SOFTMAX_GRAD_KEPT, ArgumentBlocks.softmaxGrad(grad, y, out));
  }

  @Override
  public KernelCall logSoftmax(View x, View out) {
    return perRow(kernels.logSoftmax, x, SOFTMAX_KEPT, ArgumentBlocks.softmax(x, out));
  }

  @Override
  public KernelCall logSoftmaxGrad(View grad, View y, View out) {
    return perRow(
        kernels.logSoftmaxGrad, y, SOFTMAX_GRAD_KEPT, ArgumentBlocks.softmaxGrad(grad, y, out));
  }

  @Override
  public KernelCall layerNorm(
      View x,
      @Nullable View weight,
      @Nullable View bias,
      double eps,
      View out,
      View mean,
      View rstd) {
    return perRow(
        kernels.layerNorm,
        x,
        NORM_KEPT,
        ArgumentBlocks.norm(x, weight, bias, eps, out, mean, rstd));
  }

  @Override
  public KernelCall rmsNorm(View x, @Nullable View weight, double eps, View out, View rstd) {
    return perRow(
        kernels.rmsNorm, x, NORM_KEPT, ArgumentBlocks.norm(x, weight, null, eps, out, null, rstd));
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

  @Override
  public long normGradScratchBytes(View x) {
    return Parts.of(x).count(x) * 2L * cols(x) * x.dtype().widened().bytes();
  }

  @Override
  public KernelCall layerNormGrad(
      View grad,
      View x,
      @Nullable View weight,
      View mean,
      View rstd,
      @Nullable View gradX,
      @Nullable View gradWeight,
      @Nullable View gradBias,
      Memory scratch) {
    return normGrad(
        kernels.layerNormGrad,
        x,
        gradWeight,
        gradBias,
        ArgumentBlocks.normGrad(grad, x, weight, mean, rstd, gradX, gradWeight, gradBias, scratch));
  }

  @Override
  public KernelCall rmsNormGrad(
      View grad,
      View x,
      @Nullable View weight,
      View rstd,
      @Nullable View gradX,
      @Nullable View gradWeight,
      Memory scratch) {
    return normGrad(
        kernels.rmsNormGrad,
        x,
        gradWeight,
        null,
        ArgumentBlocks.normGrad(grad, x, weight, null, rstd, gradX, gradWeight, null, scratch));
  }

  private CudaCall normGrad(
      KernelFamily<CudaKernel> family,
      View x,
      @Nullable View gradWeight,
      @Nullable View gradBias,
      long[] block) {
    Parts parts = Parts.of(x);
    RowTeams teams = parts.teams();
    long[] words = Words.join(teams.behind(block), parts.rows());
    CudaKernel kernel = family.of(x.dtype());
    List<CudaCall.Step> steps = new ArrayList<>();
    steps.add(new Launch(kernel, words, parts.count(x), 1, teams.block(), teams.sharedBytes()));
    if (gradWeight != null || gradBias != null) {
      CudaKernel join = joins.of(x.dtype().widened());
      long sums = gradBias == null ? cols(x) : 2 * cols(x);
      steps.add(new Launch(join, words, Grid.of(sums, JOIN_COLUMNS), 1, JOIN_BLOCK, 0));
    }
    return new CudaCall(kernel.name(), device, steps);
  }
}
