package dev.adjoint.spi;

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
public interface RandomKernels {
  /** {@code key = state; state[1] += 1}: takes one operation counter. Both I64 [2]. */
  KernelCall nextKey(View state, View key);

  /**
   * Uniform on [low, high): {@code low + u · (high − low)}, the bounds and each operation rounded
   * to out's type; {@code low} where that rounding reaches {@code high}. out contiguous, F32 or
   * F64.
   */
  KernelCall uniform(View key, double low, double high, View out);

  /** {@code mean + std · z} computed in float64, then rounded. out contiguous, F32 or F64. */
  KernelCall normal(View key, double mean, double std, View out);

  /**
   * {@code out = x / (1 − p)} where the uniform (32-bit draw, for F64 too) is at least p, else 0.
   * The gradient is the same call on the gradient. x and out contiguous, 0 ≤ p &lt; 1; the factor
   * 1/(1 − p) is computed in float64 and rounded to the type, for BF16 to F32.
   */
  KernelCall dropout(View key, double p, View x, View out);
}
