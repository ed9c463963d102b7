package dev.adjoint.spi;

import java.util.Locale;
import java.util.function.DoubleBinaryOperator;
import java.util.function.DoubleUnaryOperator;

/**
 * Functions of one real variable: name, formula and gradient. The formulas are the specification;
 * native kernels come from the line of the same name in {@code elementwise.def}. Gradients begin
 * with what comes in, in an order in which nothing overflows unless the result does.
 */
@SuppressWarnings("ImmutableEnumChecker") // the formulas are stateless lambdas
public enum UnaryFunction {
  /** −x. */
  NEG(x -> -x, (g, none) -> -g, Saves.NOTHING),
  /** |x|; derivative 0 at 0. */
  ABS(Math::abs, (g, x) -> g * Math.signum(x), Saves.INPUT),
  /** e^x. */
  EXP(Math::exp, (g, y) -> g * y, Saves.OUTPUT),
  /** Natural logarithm. */
  LOG(Math::log, (g, x) -> g / x, Saves.INPUT),
  /** Square root. */
  SQRT(Math::sqrt, (g, y) -> g * (0.5 / y), Saves.OUTPUT),
  /** 1/√x. */
  RSQRT(x -> 1 / Math.sqrt(x), (g, y) -> g * (-0.5 * y) * y * y, Saves.OUTPUT),
  /** 1/x. */
  RECIPROCAL(x -> 1 / x, (g, x) -> -(g / x) / x, Saves.INPUT),
  /** x². */
  SQUARE(x -> x * x, (g, x) -> 2 * (g * x), Saves.INPUT),
  /** Sine. */
  SIN(Math::sin, (g, x) -> g * Math.cos(x), Saves.INPUT),
  /** Cosine. */
  COS(Math::cos, (g, x) -> -g * Math.sin(x), Saves.INPUT),
  /** Hyperbolic tangent. */
  TANH(Math::tanh, (g, y) -> g * ((1 - y) * (1 + y)), Saves.OUTPUT),
  /** 1/(1+e^−x). */
  SIGMOID(Functions::sigmoid, (g, y) -> g * (y * (1 - y)), Saves.OUTPUT),
  /** The error function. */
  ERF(Functions::erf, (g, x) -> g * (Functions.TWO_OVER_SQRT_PI * Math.exp(-x * x)), Saves.INPUT),
  /**
   * max(x, 0); NaN stays NaN. The gradient is chosen, not multiplied, as in PyTorch: at 0 and below
   * it is 0, whatever comes in.
   */
  RELU(x -> x < 0 ? 0 : x, (g, x) -> x <= 0 ? 0 : g, Saves.INPUT),
  /** x·Φ(x), Φ the normal distribution function (Hendrycks and Gimpel 2016), exact. */
  GELU(Functions::gelu, (g, x) -> g * Functions.geluGrad(x), Saves.INPUT),
  /** ½x(1 + tanh(√(2/π)(x + 0.044715x³))), as GPT-2 uses it. */
  GELU_TANH(Functions::geluTanh, (g, x) -> g * Functions.geluTanhGrad(x), Saves.INPUT),
  /** x·σ(x) (Elfwing et al. 2017), as LLaMA uses it. */
  SILU(Functions::silu, (g, x) -> g * Functions.siluGrad(x), Saves.INPUT);

  /** What the backward kernel reads besides the incoming gradient. */
  public enum Saves {
    /** Nothing. */
    NOTHING,
    /** The input x. */
    INPUT,
    /** The output y. */
    OUTPUT
  }

  private final String symbol = name().toLowerCase(Locale.ROOT);
  private final DoubleUnaryOperator formula;
  private final DoubleBinaryOperator gradient;
  private final Saves saves;

  UnaryFunction(DoubleUnaryOperator formula, DoubleBinaryOperator gradient, Saves saves) {
    this.formula = formula;
    this.gradient = gradient;
    this.saves = saves;
  }

  /** The name that kernels, catalog rows and messages share. */
  public String symbol() {
    return symbol;
  }

  /** The function, in float64. */
  public double apply(double x) {
    return formula.applyAsDouble(x);
  }

  /** {@code g · dy/dx}, in float64, from what {@link #saves} names. */
  public double gradient(double g, double saved) {
    return gradient.applyAsDouble(g, saved);
  }

  /** What the backward kernel reads. */
  public Saves saves() {
    return saves;
  }
}
