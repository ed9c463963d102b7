package dev.adjoint.spi;

import dev.adjoint.DType;
import dev.adjoint.Precision;
import dev.adjoint.spi.Symbols.Types;
import java.util.Collections;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A batch of matrix products: {@code out = activation(alpha · a × b + beta · out + bias)}, with a
 * […, M, K], b […, K, N] and out […, M, N]. The batch dimensions are equal; an operand that serves
 * several products has stride 0 there. A transposed operand is one whose strides are exchanged.
 *
 * <p>Element types:
 *
 * <ul>
 *   <li>F32 or F64 for everything.
 *   <li>F16 for everything, where the backend {@linkplain Backend#has has} that.
 *   <li>BF16 for a and b, with out of F32: every backend.
 *   <li>Any mix of F32 and BF16 for a, b and out, where the backend has BF16.
 * </ul>
 *
 * Products of 16-bit types are summed in F32. The activation is applied to these sums, before the
 * result is rounded. If beta is 0, the old contents of out are not read.
 *
 * @param a the left operand
 * @param b the right operand
 * @param out the result. Its rows are contiguous, no element is stored twice
 * @param before receives the pre-activation: what the activation is applied to. It has out's layout
 *     and type. Null if it is not wanted or if there is no activation
 * @param bias contiguous [N], added to each row; null for none. It has out's type, or F32 if out is
 *     BF16; then the backend may round it to bfloat16
 * @param beta 0 if there is an activation
 * @param precision how operands are read. BF16: each element is rounded to the nearest bfloat16, a
 *     subnormal one may become 0; required if any operand is BF16, forbidden for F64 and F16. TF32:
 *     each element may be rounded to 11 significant bits
 * @param activation applied last, one of {@link #ACTIVATIONS}; null for none
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
    @Nullable UnaryFunction activation)
    implements Kernel {
  /** The functions that can be applied to a product: {@code ADJ_ACTIVATION} in elementwise.def. */
  public static final Set<UnaryFunction> ACTIVATIONS =
      Collections.unmodifiableSet(
          EnumSet.of(
              UnaryFunction.RELU, UnaryFunction.GELU, UnaryFunction.GELU_TANH, UnaryFunction.SILU));

  private static final int HEAD_WORDS = 16;

  /** The place of the scratch's address. */
  private static final int SCRATCH = 5;

  /** The multiplications of a product that take as long as one element of the slowest function. */
  private static final long PRODUCTS_PER_ELEMENT = 16;

  /**
   * @throws IllegalArgumentException if the parts exclude one another
   */
  public Gemm {
    if (activation != null && !ACTIVATIONS.contains(activation)) {
      throw new IllegalArgumentException(
          "gemm: " + activation.symbol() + " is no activation of products, " + ACTIVATIONS);
    }
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
  private record Names(Symbols alone, Map<UnaryFunction, Symbols> activated, Symbols scratchBytes) {
    static Names of(String factors, Types types) {
      Symbols bytes = new Symbols("gemm_scratch_bytes" + factors, types);
      return new Names(
          new Symbols("gemm" + factors, types, bytes, SCRATCH),
          Symbols.each(
              UnaryFunction.class,
              ACTIVATIONS,
              f -> new Symbols("gemm_" + f.symbol() + factors, types, bytes, SCRATCH)),
          bytes);
    }

    Stream<Symbol> all() {
      return Stream.concat(Stream.of(alone, scratchBytes), activated.values().stream())
          .flatMap(symbols -> symbols.all(Symbols.FLOATING));
    }
  }

  private static final Names SAME = Names.of("", Types.WIDE);
  private static final Names ROUNDED = Names.of("_bf16", floating -> Set.of(DType.F32));
  private static final Names HALVES = Names.of("_halves", floating -> Set.of(DType.F32));

  /** The names of all C kernels of products, and of what says how much scratch they need. */
  public static Stream<Symbol> symbols() {
    return Stream.of(SAME, ROUNDED, HALVES).flatMap(Names::all);
  }

  private Names names() {
    return precision != Precision.BF16 ? SAME : isBf16(a) ? HALVES : ROUNDED;
  }

  @Override
  public Symbol symbol() {
    Names names = names();
    DType dtype = out.dtype();
    return activation == null
        ? names.alone.of(dtype)
        : Symbols.of(names.activated, activation, dtype);
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
