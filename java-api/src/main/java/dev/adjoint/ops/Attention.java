package dev.adjoint.ops;

import dev.adjoint.spi.AttentionKernels;
import dev.adjoint.spi.AttentionKernels.AttentionGrad;
import dev.adjoint.DType;
import dev.adjoint.Device;
import dev.adjoint.Generator;
import dev.adjoint.Precision;
import dev.adjoint.Shape;
import dev.adjoint.ShapeMismatchException;
import dev.adjoint.Tensor;
import dev.adjoint.graph.Graph;
import dev.adjoint.graph.Saves;
import dev.adjoint.internal.Check;
import dev.adjoint.internal.DeviceContext;
import dev.adjoint.internal.Dispatch;
import dev.adjoint.internal.Tensors;
import dev.adjoint.spi.View;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Scaled dot-product attention. */
public final class Attention {
  private Attention() {}

  /**
   * {@code softmax(q·kᵀ/√D + mask)·v} (Vaswani et al. 2017) in tiles, with memory linear in the
   * sequence length (Dao et al. 2022).
   *
   * @param q [B, H, Tq, D]; floating, any strides
   * @param k [B, H, Tk, D]
   * @param v [B, H, Tk, D]
   * @param causal query i sees keys j ≤ i + (Tk − Tq)
   * @return [B, H, Tq, D]
   */
  public static Tensor scaledDotProductAttention(Tensor q, Tensor k, Tensor v, boolean causal) {
    String op = "scaledDotProductAttention";
    check(op, q, k, v);
    if (widens(q)) {
      return Halves.widened(
          wide -> scaledDotProductAttention(wide[0], wide[1], wide[2], causal), q, k, v);
    }
    return Tensors.tidy(
        () -> fused(op, causal, new Tensor[] {rowsDense(q), rowsDense(k), rowsDense(v)}));
  }

  /**
   * The same for a sequence's attention on itself, with queries, keys and values in one tensor, as
   * one projection makes them; their gradient comes in one piece too.
   *
   * @param qkv [3, B, H, T, D]; floating, any strides
   * @return [B, H, T, D]
   */
  public static Tensor selfAttention(Tensor qkv, boolean causal) {
    String op = "selfAttention";
    Check.floating(op, qkv);
    if (qkv.rank() != 5 || qkv.size(0) != 3) {
      throw new ShapeMismatchException(op + ": needs [3, B, H, T, D]; got " + qkv.shape());
    }
    Check.that(qkv.size(4) > 0, op, () -> "the head size must be positive: " + qkv.shape());
    return widens(qkv)
        ? Halves.widened(wide -> selfAttention(wide[0], causal), qkv)
        : Tensors.tidy(() -> fused(op, causal, new Tensor[] {rowsDense(qkv)}));
  }

  /** Queries, keys and values: three tensors, or one that holds all. */
  private record Heads(@Nullable View q, @Nullable View k, @Nullable View v) {
    static Heads of(@Nullable Tensor[] tensors) {
      if (tensors.length == 3) {
        return new Heads(
            Tensors.viewOrNull(tensors[0]),
            Tensors.viewOrNull(tensors[1]),
            Tensors.viewOrNull(tensors[2]));
      }
      View all = Tensors.view(Objects.requireNonNull(tensors[0]));
      return new Heads(part(all, 0), part(all, 1), part(all, 2));
    }

    private static View part(View all, int i) {
      return all.with(all.layout().select(0, i));
    }
  }

  private static Tensor fused(String op, boolean causal, Tensor[] inputs) {
    Heads heads = Heads.of(inputs);
    View q = Objects.requireNonNull(heads.q());
    View k = Objects.requireNonNull(heads.k());
    View v = Objects.requireNonNull(heads.v());
    Shape shape = q.layout().shape();
    double scale = 1 / Math.sqrt((double) shape.size(3));
    DeviceContext context = Tensors.context(inputs[0]);
    Tensor out = emptyHeadsInside(shape, q.dtype(), context);
    Shape queries = Shape.of(shape.size(0), shape.size(1), shape.size(2));
    Tensor logSumExp = Tensors.empty(queries, q.dtype().widened(), context);
    Dispatch.runAll(
        new AttentionKernels.Attention(
            q, k, v, Tensors.view(out), Tensors.view(logSumExp), causal, scale),
        List.of(out, logSumExp),
        List.of(inputs));
    int count = inputs.length;
    Tensor[] saved = Arrays.copyOf(inputs, count + 2);
    saved[count] = out;
    saved[count + 1] = logSumExp;
    return Graph.record(
        op, out, inputs, saved, (g, saves) -> gradients(g, saves, count, causal, scale));
  }

  /**
   * The same with dropout on the attention weights, as PyTorch's {@code dropout_p}: computed from
   * its definition, with the weights in memory, for 16 bits in F32.
   */
  public static Tensor scaledDotProductAttention(
      Tensor q, Tensor k, Tensor v, boolean causal, double dropout, Generator generator) {
    if (dropout == 0) {
      return scaledDotProductAttention(q, k, v, causal);
    }
    String op = "scaledDotProductAttention";
    check(op, q, k, v);
    if (q.dtype().isHalf()) {
      return Halves.widened(
          wide -> scaledDotProductAttention(wide[0], wide[1], wide[2], causal, dropout, generator),
          q,
          k,
          v);
    }
    return Tensors.tidy(
        () ->
            product(
                weights(q, k, causal, 1 / Math.sqrt((double) q.size(3)))
                    .dropout(dropout, generator),
                v));
  }

  private static @Nullable Tensor[] gradients(
      Tensor g, Saves saves, int count, boolean causal, double scale) {
    Tensor[] inputs = new Tensor[count];
    Arrays.setAll(inputs, saves::get);
    if (saves.createGraph()) {
      return Composed.vjp(
          g,
          inputs,
          saves,
          own ->
              count == 3
                  ? product(weights(own[0], own[1], causal, scale), own[2])
                  : product(
                      weights(own[0].select(0, 0), own[0].select(0, 1), causal, scale),
                      own[0].select(0, 2)));
    }
    Tensor grad = rowsDense(g);
    Tensor out = saves.get(count);
    Tensor logSumExp = saves.get(count + 1);
    DeviceContext context = Tensors.context(out);
    @Nullable Tensor[] grads = new Tensor[count];
    for (int i = 0; i < count; i++) {
      grads[i] = saves.needs(i) ? emptyHeadsInside(inputs[i].shape(), g.dtype(), context) : null;
    }
    Heads heads = Heads.of(inputs);
    Heads into = Heads.of(grads);
    View q = Objects.requireNonNull(heads.q());
    View k = Objects.requireNonNull(heads.k());
    List<Tensor> reads = new ArrayList<>(List.of(inputs));
    reads.addAll(List.of(grad, out, logSumExp));
    Dispatch.runAll(
        new AttentionGrad(
            Tensors.view(grad),
            q,
            k,
            Objects.requireNonNull(heads.v()),
            Tensors.view(out),
            Tensors.view(logSumExp),
            into.q(),
            into.k(),
            into.v(),
            causal,
            scale),
        Arrays.asList(grads),
        reads);
    return grads;
  }

  /** Like the fused kernels: no {@link Precision} touches it. */
  private static Tensor product(Tensor a, Tensor b) {
    return MatMul.matmul(a, b, Precision.F32);
  }

  /** The attention weights [B, H, Tq, Tk]: the definition that the fused kernels are held to. */
  private static Tensor weights(Tensor q, Tensor k, boolean causal, double scale) {
    Tensor scores = product(q, k.transpose(-1, -2)).mul(scale);
    if (!causal) {
      return scores.softmax(-1);
    }
    long tq = q.size(2);
    long tk = k.size(2);
    Tensor zero = Tensor.full(Shape.scalar(), 0, q.dtype(), q.device());
    Tensor least = Tensor.full(Shape.scalar(), Double.NEGATIVE_INFINITY, q.dtype(), q.device());
    Tensor weights = Tensor.where(future(tq, tk, q.device()), least, scores).softmax(-1);
    if (tk >= tq) {
      return weights;
    }
    // A query that sees no key at all gets zeros, not 0/0.
    Tensor blind = Tensor.full(Shape.of(tq, 1), 0, DType.BOOL, q.device());
    blind.slice(0, 0, tq - tk).fill_(1);
    return Tensor.where(blind, zero, weights);
  }

  /**
   * Which keys lie after a query, the last of both being at the same place: BOOL [tq, tk], true
   * where {@code j > i + tk − tq}. Made by kernels alone, so that a step that is being recorded may
   * need it: rows of n ones among 2n columns, read one element earlier in each row, are a triangle.
   */
  private static Tensor future(long tq, long tk, Device device) {
    long n = Math.max(tq, tk);
    Tensor band = Tensor.full(Shape.of(n, 2 * n), 0, DType.BOOL, device);
    band.slice(1, Math.min(1, n), n).fill_(1);
    Tensor skewed = band.reshape(2 * n * n).slice(0, 0, n * Math.max(0, 2 * n - 1));
    return skewed.reshape(n, Math.max(0, 2 * n - 1)).slice(0, n - tq, n).slice(1, n - tk, n);
  }

  private static boolean widens(Tensor x) {
    return Halves.widens(x, AttentionKernels.Attention.class);
  }

  private static void check(String op, Tensor q, Tensor k, Tensor v) {
    Check.floating(op, q);
    Check.alike(op, q, k);
    Check.alike(op, q, v);
    boolean fits = q.rank() == 4 && k.rank() == 4 && v.shape().equals(k.shape());
    for (int d : new int[] {0, 1, 3}) {
      fits = fits && q.size(d) == k.size(d);
    }
    if (!fits) {
      throw new ShapeMismatchException(
          op
              + ": needs q [B, H, Tq, D], k and v [B, H, Tk, D]; got "
              + q.shape()
              + ", "
              + k.shape()
              + ", "
              + v.shape());
    }
    Check.that(q.size(3) > 0, op, () -> "the head size must be positive: " + q.shape());
  }

  private static Tensor rowsDense(Tensor x) {
    return Tensors.layout(x).stride(x.rank() - 1) == 1 ? x : Movement.copy(x);
  }

  /**
   * [B, H, T, D] laid out as [B, T, H, D], and [3, B, H, T, D] as [B, T, 3, H, D]: the order in
   * which a projection makes and takes them, so that splitting and joining heads are views.
   */
  private static Tensor emptyHeadsInside(Shape shape, DType dtype, DeviceContext context) {
    boolean stacked = shape.rank() == 5;
    int[] order = stacked ? new int[] {1, 3, 0, 2, 4} : new int[] {0, 2, 1, 3};
    int[] back = stacked ? new int[] {2, 0, 3, 1, 4} : order;
    long[] sizes = new long[order.length];
    Arrays.setAll(sizes, i -> shape.size(order[i]));
    try (Tensor memory = Tensors.empty(Shape.of(sizes), dtype, context)) {
      return Tensors.alias(memory, Tensors.layout(memory).permute(back));
    }
  }
}
