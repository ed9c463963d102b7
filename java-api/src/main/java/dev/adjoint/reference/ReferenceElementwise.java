package dev.adjoint.reference;

import dev.adjoint.DType;
import dev.adjoint.spi.BinaryKernel;
import dev.adjoint.spi.ElementwiseKernels;
import dev.adjoint.spi.KernelCall;
import dev.adjoint.spi.UnaryKernel;
import dev.adjoint.spi.View;

/** The specification of {@link ElementwiseKernels}. */
interface ReferenceElementwise extends ElementwiseKernels {
  @Override
  default KernelCall unary(UnaryKernel kernel, View x, View out) {
    Elements xs = Elements.of(x);
    Elements outs = Elements.of(out);
    return Call.of(
        kernel.symbol(),
        x.dtype(),
        () -> {
          for (long i = 0; i < out.numel(); i++) {
            outs.set(i, kernel.apply(xs.get(i)));
          }
        });
  }

  @Override
  default KernelCall unaryGrad(UnaryKernel kernel, View grad, View saved, View out) {
    Elements grads = Elements.of(grad);
    Elements saves = Elements.of(saved);
    Elements outs = Elements.of(out);
    return Call.of(
        kernel.symbol() + "_grad",
        grad.dtype(),
        () -> {
          for (long i = 0; i < out.numel(); i++) {
            double value = saves.get(i);
            // The derivative reads only the one of its arguments that the kernel saves.
            outs.set(i, grads.get(i) * kernel.derivative(value, value));
          }
        });
  }

  @Override
  default KernelCall binary(BinaryKernel kernel, View a, View b, View out) {
    Elements as = Elements.of(a);
    Elements bs = Elements.of(b);
    Elements outs = Elements.of(out);
    boolean floating = a.dtype().isFloating();
    return Call.of(
        kernel.symbol(),
        a.dtype(),
        () -> {
          for (long i = 0; i < out.numel(); i++) {
            if (floating) {
              outs.set(i, kernel.apply(as.get(i), bs.get(i)));
            } else {
              outs.setLong(i, apply(kernel, as.getLong(i), bs.getLong(i)));
            }
          }
        });
  }

  @Override
  default KernelCall binaryScalar(
      BinaryKernel kernel, View a, double scalar, boolean scalarFirst, View out) {
    Elements as = Elements.of(a);
    Elements outs = Elements.of(out);
    DType dtype = a.dtype();
    boolean floating = dtype.isFloating();
    double real = dtype == DType.F64 ? scalar : (float) scalar;
    long integer = dtype == DType.I32 ? (int) scalar : (long) scalar;
    return Call.of(
        kernel.symbol() + "_scalar",
        dtype,
        () -> {
          for (long i = 0; i < out.numel(); i++) {
            if (floating) {
              double x = as.get(i);
              outs.set(i, scalarFirst ? kernel.apply(real, x) : kernel.apply(x, real));
            } else {
              long x = as.getLong(i);
              outs.setLong(i, scalarFirst ? apply(kernel, integer, x) : apply(kernel, x, integer));
            }
          }
        });
  }

  /** The kernel on integers: exact, and modulo 2⁶⁴ (2³² once stored as I32). */
  private static long apply(BinaryKernel kernel, long a, long b) {
    return switch (kernel) {
      case ADD -> a + b;
      case SUB -> a - b;
      case MUL -> a * b;
      case MAXIMUM -> Math.max(a, b);
      case MINIMUM -> Math.min(a, b);
      case EQ -> a == b ? 1 : 0;
      case NE -> a != b ? 1 : 0;
      case LT -> a < b ? 1 : 0;
      case LE -> a <= b ? 1 : 0;
      case GT -> a > b ? 1 : 0;
      case GE -> a >= b ? 1 : 0;
      case DIV, POW -> throw new IllegalArgumentException(kernel + " of integers");
    };
  }

  @Override
  default KernelCall where(View condition, View a, View b, View out) {
    Elements conditions = Elements.of(condition);
    Elements as = Elements.of(a);
    Elements bs = Elements.of(b);
    Elements outs = Elements.of(out);
    return Call.of(
        "where",
        a.dtype(),
        () -> {
          for (long i = 0; i < out.numel(); i++) {
            outs.setBits(i, conditions.getLong(i) != 0 ? as : bs, i);
          }
        });
  }

  @Override
  default KernelCall copy(View x, View out) {
    Elements xs = Elements.of(x);
    Elements outs = Elements.of(out);
    return Call.of(
        "copy",
        x.dtype(),
        () -> {
          for (long i = 0; i < out.numel(); i++) {
            outs.setBits(i, xs, i);
          }
        });
  }

  @Override
  default KernelCall cast(View x, View out) {
    Elements xs = Elements.of(x);
    Elements outs = Elements.of(out);
    boolean floating = x.dtype().isFloating();
    return Call.of(
        "cast_" + x.dtype().suffix(),
        out.dtype(),
        () -> {
          for (long i = 0; i < out.numel(); i++) {
            if (floating) {
              outs.convert(i, xs.get(i));
            } else {
              outs.setLong(i, xs.getLong(i));
            }
          }
        });
  }

  @Override
  default KernelCall fill(View out, double value) {
    Elements outs = Elements.of(out);
    return Call.of(
        "fill",
        out.dtype(),
        () -> {
          for (long i = 0; i < out.numel(); i++) {
            outs.convert(i, value);
          }
        });
  }
}
