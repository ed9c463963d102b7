package dev.adjoint.spi;

import static dev.adjoint.spi.Words.bit;
import static dev.adjoint.spi.Words.bits;

import dev.adjoint.DType;
import dev.adjoint.spi.Symbols.Types;
import java.util.stream.Stream;
import java.util.List;

/**
 * Optimizer steps over many tensors in one call. All tensors are contiguous and of one type, F32 or
 * F64; lists are parallel. {@code hyper} is F64 [2] = {learning rate, steps done}, read from memory
 * at each run; the kernel adds 1 to the steps when it has finished.
 */
public sealed interface OptimizerKernels extends Kernel {
  /** The names of these kernels. */
  static Stream<Symbols> names() {
    return Stream.of(Sgd.NAMES, AdamW.NAMES, Scale.NAMES);
  }

  /**
   * PyTorch's rule: g += weightDecay·w; buf = momentum·buf + (1 − dampening)·g (buf = g at the
   * first step); g = nesterov ? g + momentum·buf : buf; w −= lr·g.
   *
   * @param buffers momentum buffers, or an empty list if momentum is 0
   */
  record Sgd(
      View hyper,
      double momentum,
      double dampening,
      double weightDecay,
      boolean nesterov,
      List<View> params,
      List<View> grads,
      List<View> buffers)
      implements OptimizerKernels {
    private static final Symbols NAMES = new Symbols("sgd", Types.WIDE);

    @Override
    public Symbol symbol() {
      return NAMES.of(dtype(params));
    }

    @Override
    public long[] words() {
      long[] head = {
        hyper.address(),
        bits(momentum),
        bits(dampening),
        bits(weightDecay),
        bit(nesterov),
        params.size()
      };
      return Words.rows(head, params, grads, buffers);
    }

    @Override
    public long elements() {
      return OptimizerKernels.elements(params);
    }
  }

  /**
   * AdamW (Loshchilov and Hutter 2019): w −= lr·weightDecay·w; m = β₁m + (1 − β₁)g; v = β₂v + (1 −
   * β₂)g²; w −= lr/(1 − β₁ᵗ) · m / (√v/√(1 − β₂ᵗ) + eps), t the steps done, this one included.
   */
  record AdamW(
      View hyper,
      double beta1,
      double beta2,
      double eps,
      double weightDecay,
      List<View> params,
      List<View> grads,
      List<View> firstMoments,
      List<View> secondMoments)
      implements OptimizerKernels {
    private static final Symbols NAMES = new Symbols("adamw", Types.WIDE);

    @Override
    public Symbol symbol() {
      return NAMES.of(dtype(params));
    }

    @Override
    public long[] words() {
      long[] head = {
        hyper.address(), bits(beta1), bits(beta2), bits(eps), bits(weightDecay), params.size()
      };
      return Words.rows(head, params, grads, firstMoments, secondMoments);
    }

    @Override
    public long elements() {
      return OptimizerKernels.elements(params);
    }
  }

  /** Every x of {@code xs} *= factor, one element of the same type, read from memory. */
  record Scale(View factor, List<View> xs) implements OptimizerKernels {
    private static final Symbols NAMES = new Symbols("scale", Types.WIDE);

    @Override
    public Symbol symbol() {
      return NAMES.of(dtype(xs));
    }

    @Override
    public long[] words() {
      return Words.columns(new long[] {factor.address(), xs.size()}, xs);
    }

    @Override
    public long elements() {
      return OptimizerKernels.elements(xs);
    }
  }

  /** The type of tensors in a list; of no tensors at all it does not matter. */
  static DType dtype(List<View> views) {
    return views.isEmpty() ? DType.F32 : views.getFirst().dtype();
  }

  /** How many elements a list of tensors has. */
  static long elements(List<View> views) {
    long elements = 0;
    for (View view : views) {
      elements += view.numel();
    }
    return elements;
  }
}
