package dev.adjoint.nn;

import dev.adjoint.Tensor;
import dev.adjoint.ops.MatMul;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** A function of each element as a module, for {@link Sequential} and {@link FeedForward}. */
public final class Activation extends Layer {
  private final String name;
  private final UnaryOperator<Tensor> function;
  private final @Nullable AfterLinear afterLinear;

  private Activation(
      String name, UnaryOperator<Tensor> function, @Nullable AfterLinear afterLinear) {
    this.name = name;
    this.function = function;
    this.afterLinear = afterLinear;
  }

  /** The same function at the end of a linear layer's product, in one kernel. */
  private interface AfterLinear {
    Tensor apply(Tensor x, Tensor weight, @Nullable Tensor bias);
  }

  /** Any function without parameters of its own. */
  public static Activation of(String name, UnaryOperator<Tensor> function) {
    return new Activation(name, function, null);
  }

  /** max(x, 0). */
  public static Activation relu() {
    return new Activation("relu", Tensor::relu, MatMul::linearRelu);
  }

  /** x·Φ(x), exact. */
  public static Activation gelu() {
    return new Activation("gelu", Tensor::gelu, MatMul::linearGelu);
  }

  /** GELU in its tanh approximation, as GPT-2 uses it. */
  public static Activation geluTanh() {
    return new Activation("geluTanh", Tensor::geluTanh, MatMul::linearGeluTanh);
  }

  /** x·σ(x). */
  public static Activation silu() {
    return new Activation("silu", Tensor::silu, MatMul::linearSilu);
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

  /** This function of what {@code linear} gives for {@code x}: […, in] → […, out]. */
  Tensor apply(Linear linear, Tensor x) {
    return afterLinear == null
        ? apply(linear.apply(x))
        : afterLinear.apply(x, linear.weight(), linear.bias());
  }

  @Override
  protected String describe() {
    return name;
  }
}
