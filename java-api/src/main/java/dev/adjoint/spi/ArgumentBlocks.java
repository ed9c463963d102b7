package dev.adjoint.spi;

import static dev.adjoint.spi.Iteration.pack;

import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What kernels are told: blocks of 8-byte words, one for each struct of {@code kernels.h}, in its
 * order. C and CUDA kernels of one name take the same block. Where a parameter means what the
 * method of the same name in a family of {@link Backend} says, it is not said again.
 */
public final class ArgumentBlocks {
  private ArgumentBlocks() {}

  private static long bits(double value) {
    return Double.doubleToRawLongBits(value);
  }

  private static long bit(boolean value) {
    return value ? 1 : 0;
  }

  /** A view's address, NULL for none. */
  private static long address(@Nullable View view) {
    return view == null ? 0 : view.address();
  }

  // ---- element by element ----

  /** {@code adj_unary_args}: also of copies and casts. */
  public static long[] unary(View x, View out) {
    long[] head = {x.address(), out.address()};
    return pack(head, x.layout(), out.layout());
  }

  /** {@code adj_unary_grad_args}. */
  public static long[] unaryGrad(View grad, View saved, View out) {
    return ternary(grad, saved, out);
  }

  /** {@code adj_binary_args}. */
  public static long[] binary(View a, View b, View out) {
    return ternary(a, b, out);
  }

  private static long[] ternary(View a, View b, View out) {
    long[] head = {a.address(), b.address(), out.address()};
    return pack(head, a.layout(), b.layout(), out.layout());
  }

  /** {@code adj_binary_scalar_args}. */
  public static long[] binaryScalar(View a, double scalar, boolean scalarFirst, View out) {
    long[] head = {a.address(), out.address(), bits(scalar), bit(scalarFirst)};
    return pack(head, a.layout(), out.layout());
  }

  /** {@code adj_where_args}. */
  public static long[] where(View condition, View a, View b, View out) {
    long[] head = {condition.address(), a.address(), b.address(), out.address()};
    return pack(head, condition.layout(), a.layout(), b.layout(), out.layout());
  }

  /** {@code adj_fill_args}. */
  public static long[] fill(View out, double value) {
    long[] head = {out.address(), bits(value)};
    return pack(head, out.layout());
  }

  // ---- reductions ----

  /**
   * {@code adj_reduce_args}; of at least one element, since loops over nothing cannot say how many
   * results there are.
   */
  public static long[] reduce(View x, View out) {
    long[] head = {x.address(), out.address()};
    return pack(head, x.layout(), out.layout().expand(x.layout().shape()));
  }

  /** {@code adj_argmax_args}. */
  public static long[] argmax(View x, View out) {
    Layout layout = x.layout();
    int last = layout.rank() - 1;
    long[] head = {x.address(), out.address(), layout.size(last), layout.stride(last)};
    return pack(head, layout.select(last, 0), out.layout());
  }

  /** {@code adj_sum_squares_args}. */
  public static long[] sumSquares(List<View> xs, View out) {
    long[] head = {out.address(), xs.size()};
    return columns(head, xs);
  }

  // ---- matrix products ----

  /** {@code adj_gemm_args}. */
  public static long[] gemm(Gemm spec, long scratch) {
    Layout a = spec.a().layout();
    Layout b = spec.b().layout();
    Layout out = spec.out().layout();
    int col = out.rank() - 1;
    int row = col - 1;
    long[] head = {
      spec.a().address(),
      spec.b().address(),
      spec.out().address(),
      address(spec.before()),
      address(spec.bias()),
      scratch,
      out.size(row),
      out.size(col),
      a.size(col),
      a.stride(row),
      a.stride(col),
      b.stride(row),
      b.stride(col),
      out.stride(row),
      bits(spec.alpha()),
      bits(spec.beta())
    };
    if (row == 0) {
      return Arrays.copyOf(head, head.length + 1); // depth 0: a single product
    }
    return pack(head, batch(a), batch(b), batch(out));
  }

  private static Layout batch(Layout matrices) {
    int last = matrices.rank() - 1;
    return matrices.select(last, 0).select(last - 1, 0);
  }

  // ---- rows ----

  private static long rows(View matrix) {
    return matrix.layout().size(0);
  }

  private static long cols(View matrix) {
    return matrix.layout().size(1);
  }

  /** {@code adj_softmax_args}: also of the log-softmax. */
  public static long[] softmax(View x, View out) {
    return new long[] {x.address(), out.address(), rows(x), cols(x)};
  }

  /** {@code adj_softmax_grad_args}: also of the log-softmax. */
  public static long[] softmaxGrad(View grad, View y, View out) {
    return new long[] {grad.address(), y.address(), out.address(), rows(y), cols(y)};
  }

  /** {@code adj_norm_args}: layer norm; RMS norm with neither bias nor mean. */
  public static long[] norm(
      View x,
      @Nullable View weight,
      @Nullable View bias,
      double eps,
      View out,
      @Nullable View mean,
      View rstd) {
    return new long[] {
      x.address(),
      address(weight),
      address(bias),
      out.address(),
      address(mean),
      rstd.address(),
      rows(x),
      cols(x),
      bits(eps)
    };
  }

  /** {@code adj_norm_grad_args} of which only the sizes are read. */
  public static long[] normGradSizes(View x) {
    return new long[] {0, 0, 0, 0, 0, 0, 0, 0, 0, rows(x), cols(x)};
  }

  /** {@code adj_norm_grad_args}: layer norm; RMS norm with neither mean nor gradBias. */
  public static long[] normGrad(
      View grad,
      View x,
      @Nullable View weight,
      @Nullable View mean,
      View rstd,
      @Nullable View gradX,
      @Nullable View gradWeight,
      @Nullable View gradBias,
      Memory scratch) {
    return new long[] {
      grad.address(),
      x.address(),
      address(weight),
      address(mean),
      rstd.address(),
      address(gradX),
      address(gradWeight),
      address(gradBias),
      scratch.address(),
      rows(x),
      cols(x)
    };
  }

  /** {@code adj_cross_entropy_args}. */
  public static long[] crossEntropy(
      View logits, View targets, long ignoreIndex, View losses, View logSumExp) {
    return new long[] {
      logits.address(),
      targets.address(),
      losses.address(),
      logSumExp.address(),
      logits.layout().stride(0),
      rows(logits),
      cols(logits),
      ignoreIndex
    };
  }

  /** {@code adj_cross_entropy_grad_args}. */
  public static long[] crossEntropyGrad(
      View grad, View logits, View targets, long ignoreIndex, View logSumExp, View out) {
    return new long[] {
      grad.address(),
      logits.address(),
      targets.address(),
      logSumExp.address(),
      out.address(),
      grad.layout().stride(0),
      logits.layout().stride(0),
      out.layout().stride(0),
      rows(logits),
      cols(logits),
      ignoreIndex
    };
  }

  // ---- attention ----

  /** {@code adj_attention_args}; without logSumExp only for asking how much scratch it needs. */
  public static long[] attention(
      View q,
      View k,
      View v,
      boolean causal,
      double scale,
      View out,
      @Nullable View logSumExp,
      long scratch) {
    long[] head = {
      q.address(),
      k.address(),
      v.address(),
      out.address(),
      address(logSumExp),
      scratch,
      q.layout().size(0),
      q.layout().size(1),
      q.layout().size(2),
      k.layout().size(2),
      q.layout().size(3),
      bit(causal),
      bits(scale)
    };
    return strides(head, q, k, v, out);
  }

  /** {@code adj_attention_grad_args}; without logSumExp as in {@link #attention}. */
  public static long[] attentionGrad(
      View grad,
      View q,
      View k,
      View v,
      View out,
      @Nullable View logSumExp,
      boolean causal,
      double scale,
      @Nullable View gradQ,
      @Nullable View gradK,
      @Nullable View gradV,
      long scratch) {
    long[] head = {
      grad.address(),
      q.address(),
      k.address(),
      v.address(),
      out.address(),
      address(logSumExp),
      address(gradQ),
      address(gradK),
      address(gradV),
      scratch,
      q.layout().size(0),
      q.layout().size(1),
      q.layout().size(2),
      k.layout().size(2),
      q.layout().size(3),
      bit(causal),
      bits(scale)
    };
    return strides(head, grad, q, k, v, out, gradQ, gradK, gradV);
  }

  // ---- rows of tables by index ----

  /** {@code adj_gather_args}. */
  public static long[] gather(View table, View indices, View out) {
    return new long[] {
      table.address(),
      indices.address(),
      out.address(),
      rows(table),
      indices.numel(),
      cols(table) * table.dtype().bytes()
    };
  }

  /** {@code adj_scatter_add_args}. */
  public static long[] scatterAdd(View x, View indices, View out) {
    return new long[] {
      x.address(), indices.address(), out.address(), rows(out), indices.numel(), cols(out)
    };
  }

  // ---- random numbers ----

  /** {@code adj_next_key_args}. */
  public static long[] nextKey(View state, View key) {
    return new long[] {state.address(), key.address()};
  }

  /** {@code adj_random_args}: a and b are low and high, or mean and std. */
  public static long[] random(View key, double a, double b, View out) {
    return new long[] {key.address(), out.address(), bits(a), bits(b), out.numel()};
  }

  /** {@code adj_dropout_args}. */
  public static long[] dropout(View key, double p, View x, View out) {
    return new long[] {key.address(), x.address(), out.address(), bits(p), x.numel()};
  }

  // ---- optimizer steps ----

  /** {@code adj_sgd_args}. */
  public static long[] sgd(
      List<View> params,
      List<View> grads,
      List<View> buffers,
      View hyper,
      double momentum,
      double dampening,
      double weightDecay,
      boolean nesterov) {
    long[] head = {
      hyper.address(),
      bits(momentum),
      bits(dampening),
      bits(weightDecay),
      bit(nesterov),
      params.size()
    };
    return rows(head, params, grads, buffers);
  }

  /** {@code adj_adamw_args}. */
  public static long[] adamW(
      List<View> params,
      List<View> grads,
      List<View> firstMoments,
      List<View> secondMoments,
      View hyper,
      double beta1,
      double beta2,
      double eps,
      double weightDecay) {
    long[] head = {
      hyper.address(), bits(beta1), bits(beta2), bits(eps), bits(weightDecay), params.size()
    };
    return rows(head, params, grads, firstMoments, secondMoments);
  }

  /** {@code adj_scale_args}. */
  public static long[] scale(List<View> xs, View factor) {
    long[] head = {factor.address(), xs.size()};
    return columns(head, xs);
  }

  // ---- tails ----

  /** {@code head}, then the strides of B, H and T of each [B, H, T, D]; zeros for none. */
  private static long[] strides(long[] head, @Nullable View... views) {
    int word = head.length;
    long[] words = Arrays.copyOf(head, word + 3 * views.length);
    for (View view : views) {
      for (int d = 0; d < 3; d++) {
        words[word++] = view == null ? 0 : view.layout().stride(d);
      }
    }
    return words;
  }

  /** {@code head}, then all addresses, then all lengths. */
  private static long[] columns(long[] head, List<View> views) {
    int word = head.length;
    int count = views.size();
    long[] words = Arrays.copyOf(head, word + 2 * count);
    for (View view : views) {
      words[word] = view.address();
      words[word + count] = view.numel();
      word++;
    }
    return words;
  }

  /**
   * {@code head}, then for each i the addresses of the i-th view of every list, 0 for those of an
   * empty list, and their length.
   */
  @SafeVarargs
  private static long[] rows(long[] head, List<View>... lists) {
    int word = head.length;
    int count = lists[0].size();
    long[] words = Arrays.copyOf(head, word + (lists.length + 1) * count);
    for (int i = 0; i < count; i++) {
      for (List<View> list : lists) {
        words[word++] = list.isEmpty() ? 0 : list.get(i).address();
      }
      words[word++] = lists[0].get(i).numel();
    }
    return words;
  }
}
