package dev.adjoint.spi;

import java.util.Locale;
import java.util.function.DoubleBinaryOperator;
import java.util.function.DoubleUnaryOperator;

/**
 * Functions of one real variable: name, formula and derivative. The formulas are the specification;
 * native kernels come from the line of the same name in {@code elementwise.def}.
 */
@SuppressWarnings("ImmutableEnumChecker") // the formulas are stateless lambdas
public enum UnaryKernel {
  /** −x. */
  NEG(x -> -x, (x, y) -> -1, Saves.NOTHING),
  /** |x|; derivative 0 at 0. */
  ABS(Math::abs, (x, y) -> Math.signum(x), Saves.INPUT),
  /** e^x. */
  EXP(Math::exp, (x, y) -> y, Saves.OUTPUT),
  /** Natural logarithm. */
  LOG(Math::log, (x, y) -> 1 / x, Saves.INPUT),
  /** Square root. */
  SQRT(Math::sqrt, (x, y) -> 0.5 / y, Saves.OUTPUT),
  /** 1/√x. */
  RSQRT(x -> 1 / Math.sqrt(x), (x, y) -> -0.5 * y * y * y, Saves.OUTPUT),
  /** 1/x. */
  RECIPROCAL(x -> 1 / x, (x, y) -> -y * y, Saves.OUTPUT),
  /** x². */
  SQUARE(x -> x * x, (x, y) -> 2 * x, Saves.INPUT),
  /** Sine. */
  SIN(Math::sin, (x, y) -> Math.cos(x), Saves.INPUT),
  /** Cosine. */
  COS(Math::cos, (x, y) -> -Math.sin(x), Saves.INPUT),
  /** Hyperbolic tangent. */
  TANH(Math::tanh, (x, y) -> 1 - y * y, Saves.OUTPUT),
  /** 1/(1+e^−x). */
  SIGMOID(Functions::sigmoid, (x, y) -> y * (1 - y), Saves.OUTPUT),
  /** The error function. */
  ERF(Functions::erf, (x, y) -> Functions.TWO_OVER_SQRT_PI * Math.exp(-x * x), Saves.INPUT),
  /** max(x, 0); derivative 0 at 0, as in PyTorch; NaN stays NaN. */
  RELU(x -> x < 0 ? 0 : x, (x, y) -> x > 0 ? 1 : Double.isNaN(x) ? x : 0, Saves.INPUT),
  /** x·Φ(x), Φ the normal distribution function (Hendrycks and Gimpel 2016), exact. */
  GELU(Functions::gelu, (x, y) -> Functions.geluGrad(x), Saves.INPUT),
  /** ½x(1 + tanh(√(2/π)(x + 0.044715x³))), as GPT-2 uses it. */
  GELU_TANH(Functions::geluTanh, (x, y) -> Functions.geluTanhGrad(x), Saves.INPUT),
  /** x·σ(x) (Elfwing et al. 2017), as LLaMA uses it. */
  SILU(Functions::silu, (x, y) -> Functions.siluGrad(x), Saves.INPUT);

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
  private final DoubleBinaryOperator derivative;
  private final Saves saves;

  UnaryKernel(DoubleUnaryOperator formula, DoubleBinaryOperator derivative, Saves saves) {
    this.formula = formula;
    this.derivative = derivative;
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

  /** dy/dx, in float64, from x and y = f(x); only what {@link #saves} names may be read. */
  public double derivative(double x, double y) {
    return derivative.applyAsDouble(x, y);
  }

  /** What the backward kernel reads. */
  public Saves saves() {
    return saves;
  }
}
