package dev.adjoint.tck;

import dev.adjoint.DType;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import java.util.List;
import java.util.function.Function;
import java.util.function.LongToDoubleFunction;
import org.jspecify.annotations.Nullable;

/**
 * One operation on tensors and what every device promises about it.
 *
 * @param name the kernel's symbol where there is one kernel, else the method's name
 * @param inputs what it is tried on
 * @param function the operation
 * @param tolerance of its values on any device against the reference; the scale is the largest
 *     absolute value of inputs and result, at least 1
 * @param gradTolerance the same of its gradients
 * @param order how many times it can be differentiated: 0, 1 or 2, which stands for any number
 * @param composed for fused operations the definition in terms of others, else null
 */
public record Op(
    String name,
    List<Input> inputs,
    Function<List<Tensor>, Tensor> function,
    Tolerance tolerance,
    Tolerance gradTolerance,
    int order,
    @Nullable Function<List<Tensor>, Tensor> composed) {

  /** An operation that can be differentiated any number of times. */
  public static Op of(
      String name,
      Tolerance tolerance,
      Tolerance gradTolerance,
      Function<List<Tensor>, Tensor> function,
      Input... inputs) {
    return new Op(name, List.of(inputs), function, tolerance, gradTolerance, 2, null);
  }

  /** With its definition in terms of other operations. */
  public Op definedAs(Function<List<Tensor>, Tensor> definition) {
    return new Op(name, inputs, function, tolerance, gradTolerance, order, definition);
  }

  /** Without a derivative. */
  public Op constant() {
    return new Op(name, inputs, function, tolerance, gradTolerance, 0, composed);
  }

  @Override
  public String toString() {
    return name + inputs.stream().map(Input::shape).toList();
  }

  /**
   * One input.
   *
   * @param shape its shape
   * @param low the smallest value
   * @param high above the largest value
   * @param dtype its type, or null for the floating type that is tried
   */
  public record Input(Shape shape, double low, double high, @Nullable DType dtype) {
    /** Numbers of the floating type that is tried; they get gradients. */
    public static Input real(Shape shape, double low, double high) {
      return new Input(shape, low, high, null);
    }

    /** I64 numbers in [0, bound). */
    public static Input index(Shape shape, long bound) {
      return new Input(shape, 0, bound, DType.I64);
    }

    /** BOOL. */
    public static Input mask(Shape shape) {
      return new Input(shape, 0, 2, DType.BOOL);
    }

    /** Numbers of a floating type of their own. */
    Input of(DType floating) {
      return new Input(shape, low, high, floating);
    }

    /** Whether it can have a gradient. */
    public boolean differentiable() {
      return dtype == null || dtype.isFloating();
    }

    /**
     * Values spread evenly over the range in scrambled order: no two are equal or nearly so, and
     * none lies at the middle, where functions have their kinks.
     *
     * @param position which of the inputs this is; no value recurs in another one
     */
    public LongToDoubleFunction values(int position) {
      long n = shape.numel();
      double shift = 0.37 + 0.06 * position;
      return i -> {
        double value = low + (high - low) * ((i * 7919 + position) % n + shift) / n;
        return differentiable() ? value : Math.floor(value);
      };
    }
  }
}
