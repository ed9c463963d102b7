package dev.adjoint.tck;

import dev.adjoint.DType;
import dev.adjoint.Device;
import dev.adjoint.Scope;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.tck.Op.Input;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.LongToDoubleFunction;

/**
 * One operation tried on one device: its values and the gradients of a fixed weighted sum of them.
 *
 * @param device where
 * @param dtype the type of the inputs that have none of their own
 * @param arrangement how the inputs lie in memory
 * @param dense whether the inputs are copied to dense ones before the operation sees them
 */
record OpTrial(Device device, DType dtype, Arrangement arrangement, boolean dense) {
  /**
   * What came out.
   *
   * @param dtypes the types of the arrays
   * @param arrays the result's elements and, if the operation has a derivative, the gradient of
   *     each differentiable input
   * @param scale the largest absolute value of inputs and result, at least 1
   */
  record Outcome(List<DType> dtypes, List<double[]> arrays, double scale) {
    /** Throws unless this is within the operation's tolerances of {@code expected}. */
    void checkAgainst(Outcome expected, Op op, String what) {
      for (int k = 0; k < arrays.size(); k++) {
        String name = op + " " + what + (k == 0 ? ": result" : ": gradient " + k);
        Tolerance tolerance = k == 0 ? op.tolerance() : op.gradTolerance();
        if (dtypes.get(k) != expected.dtypes.get(k)) {
          throw new AssertionError(
              name + ": " + dtypes.get(k) + " instead of " + expected.dtypes.get(k));
        }
        check(tolerance, expected, k, arrays.get(k), name);
      }
    }

    /** The largest distance of any number from its counterpart, in units of the scale. */
    double distance(Outcome expected) {
      double distance = 0;
      for (int k = 0; k < arrays.size(); k++) {
        for (int i = 0; i < arrays.get(k).length; i++) {
          double wanted = expected.arrays.get(k)[i];
          double got = arrays.get(k)[i];
          // The difference of equal infinities is not a number.
          distance = Math.max(distance, got == wanted ? 0 : Math.abs(got - wanted));
        }
      }
      return distance / expected.scale;
    }

    private static void check(
        Tolerance tolerance, Outcome outcome, int array, double[] found, String name) {
      DType type = outcome.dtypes.get(array);
      double[] expected = outcome.arrays.get(array);
      if (expected.length != found.length) {
        throw new AssertionError(name + ": " + found.length + " elements, not " + expected.length);
      }
      for (int i = 0; i < found.length; i++) {
        if (!tolerance.accepts(type, expected[i], found[i], outcome.scale)) {
          throw new AssertionError(
              name + ", element " + i + ": " + found[i] + " instead of " + expected[i]);
        }
      }
    }
  }

  /** Runs {@code function}, the operation itself or its definition, forward and backward. */
  Outcome run(Op op, Function<List<Tensor>, Tensor> function) {
    try (Scope _ = Scope.open()) {
      List<Tensor> leaves = new ArrayList<>();
      List<Tensor> arguments = new ArrayList<>();
      for (int k = 0; k < op.inputs().size(); k++) {
        Input input = op.inputs().get(k);
        Tensor leaf = leaf(input, k);
        if (op.order() > 0 && input.differentiable()) {
          leaf.requiresGrad_(true);
        }
        leaves.add(leaf);
        Tensor view = arrangement.view(leaf, input.shape());
        arguments.add(dense ? view.copy() : view);
      }
      Tensor result = function.apply(arguments);
      List<DType> dtypes = new ArrayList<>(List.of(result.dtype()));
      List<double[]> arrays = new ArrayList<>(List.of(result.toDoubleArray()));
      if (op.order() > 0) {
        result.backward(weights(result), false, false);
        for (Tensor leaf : leaves) {
          if (leaf.requiresGrad()) {
            Tensor grad = leaf.grad();
            dtypes.add(grad == null ? leaf.dtype() : grad.dtype());
            arrays.add(grad == null ? new double[(int) leaf.numel()] : grad.toDoubleArray());
          }
        }
      }
      double scale = Math.max(1, largest(arrays.getFirst()));
      for (Tensor leaf : leaves) {
        scale = Math.max(scale, largest(leaf.detach().toDoubleArray()));
      }
      return new Outcome(dtypes, arrays, scale);
    }
  }

  /** The inputs as dense leaves, for checks that make their own use of them. */
  List<Tensor> inputs(Op op) {
    List<Tensor> inputs = new ArrayList<>();
    for (int k = 0; k < op.inputs().size(); k++) {
      inputs.add(arrangement.view(leaf(op.inputs().get(k), k), op.inputs().get(k).shape()));
    }
    return inputs;
  }

  private Tensor leaf(Input input, int position) {
    Shape shape = arrangement.base(input.shape());
    Input based = new Input(shape, input.low(), input.high(), input.dtype());
    DType type = input.dtype() == null ? dtype : input.dtype();
    return tensor(shape, type, based.values(position));
  }

  private Tensor weights(Tensor like) {
    return tensor(like.shape(), like.dtype(), Samples.uniform(like.numel(), -1, 1));
  }

  private Tensor tensor(Shape shape, DType type, LongToDoubleFunction values) {
    double[] elements = new double[Math.toIntExact(shape.numel())];
    for (int i = 0; i < elements.length; i++) {
      elements[i] = values.applyAsDouble(i);
    }
    return Tensor.of(elements, shape, device).to(type).detach();
  }

  private static double largest(double[] values) {
    double largest = 0;
    for (double value : values) {
      largest = Math.max(largest, Math.abs(value));
    }
    return largest;
  }
}
