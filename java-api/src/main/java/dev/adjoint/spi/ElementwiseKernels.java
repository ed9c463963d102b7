package dev.adjoint.spi;

import static dev.adjoint.spi.Words.bit;
import static dev.adjoint.spi.Words.bits;

import dev.adjoint.DType;
import dev.adjoint.spi.Symbols.Types;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Element by element. All views of a kernel have one shape (broadcast by stride 0); outputs never
 * repeat elements. An output may be the very view that is an input, never an overlapping other one.
 */
public sealed interface ElementwiseKernels extends Kernel {
  /** The names of these kernels. */
  static Stream<Symbols> names() {
    return Stream.of(
            Unary.NAMES.values().stream(),
            UnaryGrad.NAMES.values().stream(),
            Binary.NAMES.values().stream(),
            BinaryScalar.NAMES.values().stream(),
            Stream.of(Where.NAMES, Copy.NAMES, Fill.NAMES),
            Cast.NAMES.values().stream())
        .flatMap(names -> names);
  }

  /** What is written. */
  View out();

  @Override
  default long elements() {
    return out().numel();
  }

  /** {@code out = function(x)}; one floating type. */
  record Unary(UnaryFunction function, View x, View out) implements ElementwiseKernels {
    private static final Map<UnaryFunction, Symbols> NAMES =
        Symbols.each(UnaryFunction.class, f -> new Symbols(f.symbol(), Types.COMPUTED));

    @Override
    public Symbol symbol() {
      return Symbols.of(NAMES, function, x.dtype());
    }

    @Override
    public long[] words() {
      return Words.looped(x, out);
    }
  }

  /**
   * {@code out = grad · function'(…)}, where {@code saved} is what {@code function.saves()} names;
   * F32 or F64 if that is the output, which must not have been rounded to less.
   */
  record UnaryGrad(UnaryFunction function, View grad, View saved, View out)
      implements ElementwiseKernels {
    private static final Map<UnaryFunction, Symbols> NAMES =
        Symbols.each(
            UnaryFunction.class,
            f ->
                new Symbols(
                    f.symbol() + "_grad",
                    f.saves() == UnaryFunction.Saves.OUTPUT ? Types.WIDE : Types.COMPUTED));

    @Override
    public Symbol symbol() {
      return Symbols.of(NAMES, function, grad.dtype());
    }

    @Override
    public long[] words() {
      return Words.looped(grad, saved, out);
    }
  }

  /** {@code out = function(a, b)}; out is BOOL for comparisons. */
  record Binary(BinaryFunction function, View a, View b, View out) implements ElementwiseKernels {
    private static final Map<BinaryFunction, Symbols> NAMES =
        Symbols.each(BinaryFunction.class, f -> new Symbols(f.symbol(), operands(f)));

    @Override
    public Symbol symbol() {
      return Symbols.of(NAMES, function, a.dtype());
    }

    @Override
    public long[] words() {
      return Words.looped(a, b, out);
    }
  }

  /**
   * {@code out = function(a, scalar)}, or {@code function(scalar, a)} if {@code scalarFirst}; the
   * scalar is first converted to a's dtype, for BF16 to F32.
   */
  record BinaryScalar(BinaryFunction function, View a, View out, double scalar, boolean scalarFirst)
      implements ElementwiseKernels {
    private static final Map<BinaryFunction, Symbols> NAMES =
        Symbols.each(BinaryFunction.class, f -> new Symbols(f.symbol() + "_scalar", operands(f)));

    @Override
    public Symbol symbol() {
      return Symbols.of(NAMES, function, a.dtype());
    }

    @Override
    public long[] words() {
      long[] words = Iteration.pack(4, a.layout(), out.layout());
      words[0] = a.address();
      words[1] = out.address();
      words[2] = bits(scalar);
      words[3] = bit(scalarFirst);
      return words;
    }
  }

  /** {@code out = condition ? a : b}; condition is BOOL. Every dtype. */
  record Where(View condition, View a, View b, View out) implements ElementwiseKernels {
    private static final Symbols NAMES = new Symbols("where", Types.EVERY);

    @Override
    public Symbol symbol() {
      return NAMES.of(out.dtype());
    }

    @Override
    public long[] words() {
      long[] words = Iteration.pack(4, condition.layout(), a.layout(), b.layout(), out.layout());
      words[0] = condition.address();
      words[1] = a.address();
      words[2] = b.address();
      words[3] = out.address();
      return words;
    }
  }

  /** {@code out = x} of the same dtype, any strides. Every dtype. */
  record Copy(View x, View out) implements ElementwiseKernels {
    private static final Symbols NAMES = new Symbols("copy", Types.EVERY);

    @Override
    public Symbol symbol() {
      return NAMES.of(x.dtype());
    }

    @Override
    public long[] words() {
      return Words.looped(x, out);
    }
  }

  /**
   * {@code out = (out's dtype) x}, another one than x's; to BOOL: x ≠ 0; floating to integer
   * truncates toward 0.
   */
  record Cast(View x, View out) implements ElementwiseKernels {
    private static final Map<DType, Symbols> NAMES =
        Symbols.each(
            DType.class, from -> new Symbols("cast_" + from.suffix(), Types.otherThan(from)));

    /** A conversion that may be to the same type: then it is a {@link Copy}. */
    public static ElementwiseKernels of(View x, View out) {
      return x.dtype() == out.dtype() ? new Copy(x, out) : new Cast(x, out);
    }

    @Override
    public Symbol symbol() {
      return Symbols.of(NAMES, x.dtype(), out.dtype());
    }

    @Override
    public long[] words() {
      return Words.looped(x, out);
    }
  }

  /** Every element of {@code out} = value. Every dtype. */
  record Fill(View out, double value) implements ElementwiseKernels {
    private static final Symbols NAMES = new Symbols("fill", Types.EVERY);

    @Override
    public Symbol symbol() {
      return NAMES.of(out.dtype());
    }

    @Override
    public long[] words() {
      long[] words = Iteration.pack(2, out.layout());
      words[0] = out.address();
      words[1] = bits(value);
      return words;
    }
  }

  private static Types operands(BinaryFunction function) {
    if (function == BinaryFunction.EQ || function == BinaryFunction.NE) {
      return Types.COMPARABLE;
    }
    return function.floatingOnly() ? Types.COMPUTED : Types.NUMBERS;
  }
}
