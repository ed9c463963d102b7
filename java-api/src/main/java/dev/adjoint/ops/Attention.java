package dev.adjoint.ops;

import dev.adjoint.DType;
import dev.adjoint.Device;
import dev.adjoint.Generator;
import dev.adjoint.Scope;
import dev.adjoint.Shape;
import dev.adjoint.ShapeMismatchException;
import dev.adjoint.Tensor;
import dev.adjoint.graph.Graph;
import dev.adjoint.graph.Saves;
import dev.adjoint.internal.Check;
import dev.adjoint.internal.Dispatch;
import dev.adjoint.internal.Tensors;
import dev.adjoint.spi.Layout;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Scaled dot-product attention. */
public final class Attention {
  private Attention() {}

  /**
   * {@code softmax(q·kᵀ/√D + mask)·v} (Vaswani et al. 2017) in tiles, with memory linear in the
   * sequence length (Dao et al. 2022).
   *
   * @param q [B, H, Tq, D]; F32 or F64, any strides
   * @param k [B, H, Tk, D]
   * @param v [B, H, Tk, D]
   * @param causal query i sees keys j ≤ i + (Tk − Tq)
   * @return [B, H, Tq, D]
   */
  public static Tensor scaledDotProductAttention(Tensor q, Tensor k, Tensor v, boolean causal) {
    String op = "scaledDotProductAttention";
    check(op, q, k, v);
    return Scope.tidy(() -> fused(op, q, k, v, causal));
  }

  private static Tensor fused(String op, Tensor q, Tensor k, Tensor v, boolean causal) {
    double scale = 1 / Math.sqrt((double) q.size(3));
    Tensor dq = rowsDense(q);
    Tensor dk = rowsDense(k);
    Tensor dv = rowsDense(v);
    Tensor out = emptyHeadsInside(q);
    Tensor logSumExp =
        Tensors.empty(Shape.of(q.size(0), q.size(1), q.size(2)), q.dtype(), Tensors.context(q));
    var backend = Tensors.backend(q);
    Tensor scratch =
        Tensors.scratch(
            backend.attentionScratchBytes(Tensors.view(dq), Tensors.view(dk)), Tensors.context(q));
    Dispatch.runAll(
        backend.attention(
            Tensors.view(dq),
            Tensors.view(dk),
            Tensors.view(dv),
            causal,
            scale,
            Tensors.view(out),
            Tensors.view(logSumExp),
            Tensors.view(scratch).memory()),
        List.of(out, logSumExp, scratch),
        List.of(dq, dk, dv));
    return Graph.record(
        op,
        out,
        new Tensor[] {dq, dk, dv},
        new Tensor[] {dq, dk, dv, out, logSumExp},
        (g, saves) -> gradients(g, saves, causal, scale));
  }

  /**
   * The same with dropout on the attention weights, as PyTorch's {@code dropout_p}: computed from
   * its definition, with the weights in memory.
   */
  public static Tensor scaledDotProductAttention(
      Tensor q, Tensor k, Tensor v, boolean causal, double dropout, Generator generator) {
    if (dropout == 0) {
      return scaledDotProductAttention(q, k, v, causal);
    }
    check("scaledDotProductAttention", q, k, v);
    return Scope.tidy(
        () ->
            weights(q, k, causal, 1 / Math.sqrt((double) q.size(3)))
                .dropout(dropout, generator)
                .matmul(v));
  }

  private static @Nullable Tensor[] gradients(Tensor g, Saves saves, boolean causal, double scale) {
    Tensor q = saves.get(0);
    Tensor k = saves.get(1);
    Tensor v = saves.get(2);
    if (saves.createGraph()) {
      return Graph.composedVjp(
          g,
          new Tensor[] {q, k, v},
          saves,
          own -> weights(own[0], own[1], causal, scale).matmul(own[2]));
    }
    Tensor grad = rowsDense(g);
    Tensor out = saves.get(3);
    Tensor logSumExp = saves.get(4);
    Tensor gradQ = saves.needs(0) ? emptyHeadsInside(q) : null;
    Tensor gradK = saves.needs(1) ? emptyHeadsInside(k) : null;
    Tensor gradV = saves.needs(2) ? emptyHeadsInside(v) : null;
    var backend = Tensors.backend(q);
    Tensor scratch =
        Tensors.scratch(
            backend.attentionGradScratchBytes(Tensors.view(q), Tensors.view(k)),
            Tensors.context(q));
    Dispatch.runAll(
        backend.attentionGrad(
            Tensors.view(grad),
            Tensors.view(q),
            Tensors.view(k),
            Tensors.view(v),
            Tensors.view(out),
            Tensors.view(logSumExp),
            causal,
            scale,
            Tensors.viewOrNull(gradQ),
            Tensors.viewOrNull(gradK),
            Tensors.viewOrNull(gradV),
            Tensors.view(scratch).memory()),
        Arrays.asList(gradQ, gradK, gradV, scratch),
        List.of(grad, q, k, v, out, logSumExp));
    scratch.close();
    return new Tensor[] {gradQ, gradK, gradV};
  }

  /** The attention weights [B, H, Tq, Tk]: the definition that the fused kernels are held to. */
  private static Tensor weights(Tensor q, Tensor k, boolean causal, double scale) {
    Tensor scores = q.matmul(k.transpose(-1, -2)).mul(scale);
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
    Layout layout = Tensors.layout(x);
    return layout.stride(3) == 1 ? x : Movement.copy(x);
  }

  /**
   * [B, H, T, D] laid out as [B, T, H, D], so that joining the heads again ({@code transpose(1, 2)}
   * and reshape) is a view.
   */
  private static Tensor emptyHeadsInside(Tensor like) {
    Tensor memory =
        Tensors.empty(
            Shape.of(like.size(0), like.size(2), like.size(1), like.size(3)),
            like.dtype(),
            Tensors.context(like));
    Tensor out = Tensors.alias(memory, Tensors.layout(memory).transpose(1, 2));
    memory.close();
    return out;
  }
}
