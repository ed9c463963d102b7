package dev.adjoint.spi;

import dev.adjoint.DType;
import dev.adjoint.Precision;
import org.jspecify.annotations.Nullable;

/**
 * {@code out = activation(alpha · a × b + beta · out + bias)}: a is […, M, K], b […, K, N], out […,
 * M, N], with equal batch dimensions (broadcast by stride 0). Transposes are strides. All F64, or
 * all F16 where the backend multiplies it, or a, b and out each F32 or, likewise, BF16; everywhere
 * both a and b of BF16 with out of F32. Sums are F32 beside 16 bits, and the activation gets them
 * before they are rounded. With beta = 0 the old contents of out are never read.
 *
 * @param a the left factor
 * @param b the right factor
 * @param out the result; its rows are dense (last stride 1), its elements distinct
 * @param bias contiguous [N], of out's type or beside BF16 of F32, when each element may count as
 *     the bfloat16 nearest to it; added to each row once, or null
 * @param beta 0 if there is an activation
 * @param precision for BF16 (never if all is F64 or F16; always if anything is BF16) each element
 *     of a and b counts as the bfloat16 nearest to it, subnormal ones as that or as 0; for TF32 it
 *     may count as that with 11 bits
 * @param activation applied last, or null
 * @param before receives what the activation is applied to, laid out as out and of its type; null
 *     if not wanted or without activation
 */
public record Gemm(
    View a,
    View b,
    View out,
    @Nullable View bias,
    double alpha,
    double beta,
    Precision precision,
    @Nullable UnaryKernel activation,
    @Nullable View before) {
  /**
   * @throws IllegalArgumentException if the parts exclude one another
   */
  public Gemm {
    if (activation != null && beta != 0) {
      throw new IllegalArgumentException("gemm: an activation needs beta = 0, not " + beta);
    }
    if (before != null && activation == null) {
      throw new IllegalArgumentException("gemm: without activation there is nothing before it");
    }
    if ((isBf16(a) || isBf16(b) || isBf16(out)) && precision != Precision.BF16) {
      throw new IllegalArgumentException("gemm: of BF16 in " + precision);
    }
    if (before != null && !sameStrides(before.layout(), out.layout())) {
      throw new IllegalArgumentException(
          "gemm: before is " + before.layout() + ", not laid out as out, " + out.layout());
    }
  }

  /** A product without activation. */
  public Gemm(
      View a,
      View b,
      View out,
      @Nullable View bias,
      double alpha,
      double beta,
      Precision precision) {
    this(a, b, out, bias, alpha, beta, precision, null, null);
  }

  private static boolean isBf16(View view) {
    return view.dtype() == DType.BF16;
  }

  private static boolean sameStrides(Layout a, Layout b) {
    boolean same = a.shape().equals(b.shape());
    for (int d = 0; same && d < a.rank(); d++) {
      same = a.stride(d) == b.stride(d);
    }
    return same;
  }
}
