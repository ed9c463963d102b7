package dev.adjoint.spi;

import static dev.adjoint.spi.Words.address;
import static dev.adjoint.spi.Words.bits;
import static dev.adjoint.spi.Words.cols;
import static dev.adjoint.spi.Words.rows;

import dev.adjoint.spi.Symbols.Types;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Softmax and normalisation over rows: every matrix here is contiguous [rows, cols], every
 * statistic contiguous [rows], every weight contiguous [cols]. All matrices are of one floating
 * type, all else of the same, of F32 beside BF16.
 */
public sealed interface NormKernels extends Kernel {
  /** The names of these kernels. */
  static Stream<Symbols> names() {
    return Stream.of(
        Softmax.NAMES,
        SoftmaxGrad.NAMES,
        LogSoftmax.NAMES,
        LogSoftmaxGrad.NAMES,
        LayerNorm.NAMES,
        LayerNormGrad.NAMES,
        RmsNorm.NAMES,
        RmsNormGrad.NAMES);
  }

  /** {@code out[r] = softmax(x[r])}. */
  record Softmax(View x, View out) implements NormKernels {
    private static final Symbols NAMES = new Symbols("softmax", Types.COMPUTED);

    @Override
    public Symbol symbol() {
      return NAMES.of(x.dtype());
    }

    @Override
    public long[] words() {
      return new long[] {x.address(), out.address(), rows(x), cols(x)};
    }

    @Override
    public long elements() {
      return x.numel();
    }
  }

  /** {@code out = y ⊙ (grad − Σ grad ⊙ y)}, y the softmax; F32 or F64. */
  record SoftmaxGrad(View grad, View y, View out) implements NormKernels {
    private static final Symbols NAMES = new Symbols("softmax_grad", Types.WIDE);

    @Override
    public Symbol symbol() {
      return NAMES.of(y.dtype());
    }

    @Override
    public long[] words() {
      return new long[] {grad.address(), y.address(), out.address(), rows(y), cols(y)};
    }

    @Override
    public long elements() {
      return y.numel();
    }
  }

  /** {@code out[r] = x[r] − log Σ exp x[r]}. */
  record LogSoftmax(View x, View out) implements NormKernels {
    private static final Symbols NAMES = new Symbols("log_softmax", Types.COMPUTED);

    @Override
    public Symbol symbol() {
      return NAMES.of(x.dtype());
    }

    @Override
    public long[] words() {
      return new long[] {x.address(), out.address(), rows(x), cols(x)};
    }

    @Override
    public long elements() {
      return x.numel();
    }
  }

  /** {@code out = grad − exp(y) · Σ grad}, y the log-softmax; F32 or F64. */
  record LogSoftmaxGrad(View grad, View y, View out) implements NormKernels {
    private static final Symbols NAMES = new Symbols("log_softmax_grad", Types.WIDE);

    @Override
    public Symbol symbol() {
      return NAMES.of(y.dtype());
    }

    @Override
    public long[] words() {
      return new long[] {grad.address(), y.address(), out.address(), rows(y), cols(y)};
    }

    @Override
    public long elements() {
      return y.numel();
    }
  }

  /**
   * {@code out = (x − mean) · rstd · weight + bias} (Ba et al. 2016), variance over cols with
   * divisor cols.
   *
   * @param weight null for ones
   * @param bias null for zeros
   * @param mean receives the mean of each row
   * @param rstd receives 1/√(var + eps) of each row
   */
  record LayerNorm(
      View x,
      @Nullable View weight,
      @Nullable View bias,
      View out,
      View mean,
      View rstd,
      double eps)
      implements NormKernels {
    private static final Symbols NAMES = new Symbols("layer_norm", Types.COMPUTED);

    @Override
    public Symbol symbol() {
      return NAMES.of(x.dtype());
    }

    @Override
    public long[] words() {
      return new long[] {
        x.address(),
        address(weight),
        address(bias),
        out.address(),
        mean.address(),
        rstd.address(),
        rows(x),
        cols(x),
        bits(eps)
      };
    }

    @Override
    public long elements() {
      return x.numel();
    }
  }

  /**
   * {@code out = x · rstd · weight} (Zhang and Sennrich 2019).
   *
   * @param weight null for ones
   * @param rstd receives 1/√(mean(x²) + eps) of each row
   */
  record RmsNorm(View x, @Nullable View weight, View out, View rstd, double eps)
      implements NormKernels {
    private static final Symbols NAMES = new Symbols("rms_norm", Types.COMPUTED);

    @Override
    public Symbol symbol() {
      return NAMES.of(x.dtype());
    }

    @Override
    public long[] words() {
      return new long[] {
        x.address(),
        address(weight),
        0,
        out.address(),
        0,
        rstd.address(),
        rows(x),
        cols(x),
        bits(eps)
      };
    }

    @Override
    public long elements() {
      return x.numel();
    }
  }

  /** The gradients of {@link LayerNorm}; those that are null are not wanted. */
  record LayerNormGrad(
      View grad,
      View x,
      @Nullable View weight,
      View mean,
      View rstd,
      @Nullable View gradX,
      @Nullable View gradWeight,
      @Nullable View gradBias)
      implements NormKernels {
    /** The place of the scratch's address. */
    private static final int SCRATCH = 8;

    private static final Symbols NAMES =
        new Symbols("layer_norm_grad", Types.COMPUTED, RmsNormGrad.SCRATCH_BYTES, SCRATCH);

    @Override
    public Symbol symbol() {
      return NAMES.of(x.dtype());
    }

    @Override
    public long[] words() {
      return new long[] {
        grad.address(),
        x.address(),
        address(weight),
        mean.address(),
        rstd.address(),
        address(gradX),
        address(gradWeight),
        address(gradBias),
        0,
        rows(x),
        cols(x)
      };
    }

    @Override
    public long elements() {
      return x.numel();
    }
  }

  /** The gradients of {@link RmsNorm}; those that are null are not wanted. */
  record RmsNormGrad(
      View grad,
      View x,
      @Nullable View weight,
      View rstd,
      @Nullable View gradX,
      @Nullable View gradWeight)
      implements NormKernels {

    /** The names of what says how much scratch the gradient of either norm needs. */
    public static final Symbols SCRATCH_BYTES =
        new Symbols("norm_grad_scratch_bytes", Types.COMPUTED);

    private static final Symbols NAMES =
        new Symbols("rms_norm_grad", Types.COMPUTED, SCRATCH_BYTES, LayerNormGrad.SCRATCH);

    @Override
    public Symbol symbol() {
      return NAMES.of(x.dtype());
    }

    @Override
    public long[] words() {
      return new long[] {
        grad.address(),
        x.address(),
        address(weight),
        0,
        rstd.address(),
        address(gradX),
        address(gradWeight),
        0,
        0,
        rows(x),
        cols(x)
      };
    }

    @Override
    public long elements() {
      return x.numel();
    }
  }
}
