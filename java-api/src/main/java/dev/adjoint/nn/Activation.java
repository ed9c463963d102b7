package dev.adjoint.nn;

import dev.adjoint.Tensor;
import java.util.function.UnaryOperator;

/** A function of each element as a module, for {@link Sequential} and {@link FeedForward}. */
public final class Activation extends Module {
  private final String name;
  private final UnaryOperator<Tensor> function;

  private Activation(String name, UnaryOperator<Tensor> function) {
    this.name = name;
    this.function = function;
  }

  /** Any function without parameters of its own. */
  public static Activation of(String name, UnaryOperator<Tensor> function) {
    return new Activation(name, function);
  }

  /** max(x, 0). */
  public static Activation relu() {
    return of("relu", Tensor::relu);
  }

  /** x·Φ(x), exact. */
  public static Activation gelu() {
    return of("gelu", Tensor::gelu);
  }

  /** GELU in its tanh approximation, as GPT-2 uses it. */
  public static Activation geluTanh() {
    return of("geluTanh", Tensor::geluTanh);
  }

  /** x·σ(x). */
  public static Activation silu() {
    return of("silu", Tensor::silu);
  }

  /** The logistic function 1/(1 + e^−x). */
  public static Activation sigmoid() {
    return of("sigmoid", Tensor::sigmoid);
  }

  /** tanh x. */
  public static Activation tanh() {
    return of("tanh", Tensor::tanh);
  }

  @Override
  public Tensor forward(Tensor x) {
    return function.apply(x);
  }

  @Override
  protected String describe() {
    return name;
  }
}
