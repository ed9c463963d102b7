package dev.adjoint.spi;

import dev.adjoint.DType;
import dev.adjoint.Precision;
import dev.adjoint.spi.Symbols.Types;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
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
 * @param before receives what the activation is applied to, laid out as out and of its type; null
 *     if not wanted or without activation
 * @param bias contiguous [N], of out's type or beside BF16 of F32, when each element may count as
 *     the bfloat16 nearest to it; added to each row once, or null
 * @param beta 0 if there is an activation
 * @param precision for BF16 (never if all is F64 or F16; always if anything is BF16) each element
 *     of a and b counts as the bfloat16 nearest to it, subnormal ones as that or as 0; for TF32 it
 *     may count as that with 11 bits
 * @param activation applied last, or null
 */
public record Gemm(
    View a,
    View b,
    View out,
    @Nullable View before,
    @Nullable View bias,
    double alpha,
    double beta,
    Precision precision,
    @Nullable UnaryKernel activation)
    implements Kernel {
  private static final int HEAD_WORDS = 16;

  /** The multiplications of a product that take as long as one element of the slowest function. */
  private static final long PRODUCTS_PER_ELEMENT = 16;

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
    this(a, b, out, null, bias, alpha, beta, precision, null);
  }

  // ---- the C kernels ----

  /** The names of the C kernels with factors of one kind, alone or with an activation. */
  private record Names(Symbols alone, Map<UnaryKernel, Symbols> activated, Symbols scratchBytes) {
    static Names of(String factors, Types types) {
      return new Names(
          new Symbols("gemm" + factors, types),
          Symbols.each(UnaryKernel.class, f -> new Symbols("gemm_" + f.symbol() + factors, types)),
          new Symbols("gemm_scratch_bytes" + factors, types));
    }

    Stream<String> all() {
      return Stream.concat(Stream.of(alone, scratchBytes), activated.values().stream())
          .flatMap(symbols -> symbols.all(Symbols.FLOATING));
    }
  }

  private static final Names SAME = Names.of("", Types.WIDE);
  private static final Names ROUNDED = Names.of("_bf16", floating -> Set.of(DType.F32));
  private static final Names HALVES = Names.of("_halves", floating -> Set.of(DType.F32));

  /** The names of all C kernels of products, and of what says how much scratch they need. */
  public static Stream<String> symbols() {
    return Stream.of(SAME, ROUNDED, HALVES).flatMap(Names::all);
  }

  private Names names() {
    return precision != Precision.BF16 ? SAME : isBf16(a) ? HALVES : ROUNDED;
  }

  @Override
  public String symbol() {
    Names names = names();
    DType dtype = out.dtype();
    return activation == null
        ? names.alone.of(dtype)
        : Symbols.of(names.activated, activation, dtype);
  }

  @Override
  public String scratchSymbol() {
    return names().scratchBytes.of(out.dtype());
  }

  @Override
  public int scratchWord() {
    return 5;
  }

  @Override
  public long elements() {
    Layout factor = a.layout();
    long elements = out.numel();
    long products = elements * factor.size(factor.rank() - 1);
    return elements * (activation == null ? 1 : 2) + products / PRODUCTS_PER_ELEMENT;
  }

  @Override
  public long[] words() {
    Layout la = a.layout();
    Layout lb = b.layout();
    Layout lo = out.layout();
    int col = lo.rank() - 1;
    int row = col - 1;
    long[] words =
        row == 0
            ? new long[HEAD_WORDS + 1] // depth 0: a single product
            : Iteration.pack(HEAD_WORDS, batch(la), batch(lb), batch(lo));
    long[] head = {
      a.address(),
      b.address(),
      out.address(),
      Words.address(before),
      Words.address(bias),
      0,
      lo.size(row),
      lo.size(col),
      la.size(col),
      la.stride(row),
      la.stride(col),
      lb.stride(row),
      lb.stride(col),
      lo.stride(row),
      Words.bits(alpha),
      Words.bits(beta)
    };
    System.arraycopy(head, 0, words, 0, HEAD_WORDS);
    return words;
  }

  private static Layout batch(Layout matrices) {
    int last = matrices.rank() - 1;
    return matrices.select(last, 0).select(last - 1, 0);
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
