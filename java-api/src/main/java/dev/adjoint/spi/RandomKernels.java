package dev.adjoint.spi;

import static dev.adjoint.spi.Words.bits;

import dev.adjoint.spi.Symbols.Types;
import java.util.stream.Stream;

/**
 * Counter-based random numbers: Philox 4x32-10 (Salmon et al. 2011), equal on every backend. A
 * <em>key</em> is I64 [2] = {seed, operation counter}. Element i (row-major) takes its bits from
 * the block with counter words (low i', high i', low c, high c) and key words (low seed, high
 * seed), c being the operation counter:
 *
 * <ul>
 *   <li>32-bit draws (F32, dropout): i' = i / 4, word i mod 4; uniform = (bits ≫ 8) · 2⁻²⁴
 *   <li>64-bit draws (F64): i' = i / 2, words 2(i mod 2) (low) and 2(i mod 2) + 1 (high); uniform =
 *       (bits ≫ 11) · 2⁻⁵³
 * </ul>
 *
 * Normals are the inverse normal distribution function (Wichura 1988, AS 241) of (bits + ½) · 2⁻³²
 * (F32) or ((bits ≫ 12) + ½) · 2⁻⁵² (F64), in float64 with only + − × ÷ √ in the order that {@code
 * dev.adjoint.spi.Philox} writes them, then rounded; so they too are equal bit for bit.
 */
public sealed interface RandomKernels extends Kernel {
  /** The names of these kernels. */
  static Stream<Symbols> names() {
    return Stream.of(NextKey.NAMES, Uniform.NAMES, Normal.NAMES, Dropout.NAMES);
  }

  /** {@code key = state; state[1] += 1}: takes one operation counter. Both I64 [2]. */
  record NextKey(View state, View key) implements RandomKernels {
    private static final Symbols NAMES = new Symbols("next_key");

    @Override
    public Symbol symbol() {
      return NAMES.of(key.dtype());
    }

    @Override
    public long[] words() {
      return new long[] {state.address(), key.address()};
    }

    @Override
    public long elements() {
      return key.numel();
    }
  }

  /**
   * Uniform on [a, b): {@code a + u · (b − a)}, the bounds and each operation rounded to out's
   * type; {@code a} where that rounding reaches {@code b}. out contiguous, F32 or F64.
   */
  record Uniform(View key, View out, double a, double b) implements RandomKernels {
    private static final Symbols NAMES = new Symbols("uniform", Types.WIDE);

    @Override
    public Symbol symbol() {
      return NAMES.of(out.dtype());
    }

    @Override
    public long[] words() {
      return new long[] {key.address(), out.address(), bits(a), bits(b), out.numel()};
    }

    @Override
    public long elements() {
      return out.numel();
    }
  }

  /** {@code a + b · z} computed in float64, then rounded. out contiguous, F32 or F64. */
  record Normal(View key, View out, double a, double b) implements RandomKernels {
    private static final Symbols NAMES = new Symbols("normal", Types.WIDE);

    @Override
    public Symbol symbol() {
      return NAMES.of(out.dtype());
    }

    @Override
    public long[] words() {
      return new long[] {key.address(), out.address(), bits(a), bits(b), out.numel()};
    }

    @Override
    public long elements() {
      return out.numel();
    }
  }

  /**
   * {@code out = x / (1 − p)} where the uniform (32-bit draw, for F64 too) is at least p, else 0.
   * The gradient is the same kernel on the gradient. x and out contiguous, 0 ≤ p &lt; 1; the factor
   * 1/(1 − p) is computed in float64 and rounded to the type, for BF16 to F32.
   */
  record Dropout(View key, View x, View out, double p) implements RandomKernels {
    private static final Symbols NAMES = new Symbols("dropout", Types.COMPUTED);

    @Override
    public Symbol symbol() {
      return NAMES.of(x.dtype());
    }

    @Override
    public long[] words() {
      return new long[] {key.address(), x.address(), out.address(), bits(p), x.numel()};
    }

    @Override
    public long elements() {
      return x.numel();
    }
  }
}
