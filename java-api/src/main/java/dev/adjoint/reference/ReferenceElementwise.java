package dev.adjoint.reference;

import dev.adjoint.spi.ElementwiseKernels;
import dev.adjoint.spi.ElementwiseKernels.Unary;
import dev.adjoint.spi.ElementwiseKernels.UnaryGrad;
import dev.adjoint.spi.ElementwiseKernels.Binary;
import dev.adjoint.spi.ElementwiseKernels.BinaryScalar;
import dev.adjoint.spi.ElementwiseKernels.Where;
import dev.adjoint.spi.ElementwiseKernels.Copy;
import dev.adjoint.spi.ElementwiseKernels.Cast;
import dev.adjoint.spi.ElementwiseKernels.Fill;
import dev.adjoint.DType;
import dev.adjoint.spi.BinaryFunction;

/** The specification of {@link ElementwiseKernels}. */
final class ReferenceElementwise {
  private ReferenceElementwise() {}

  static Runnable unary(Unary k) {
    Elements xs = Elements.of(k.x());
    Elements outs = Elements.of(k.out());
    return () -> {
      for (long i = 0; i < k.out().numel(); i++) {
        outs.set(i, k.function().apply(xs.get(i)));
      }
    };
  }

  static Runnable unaryGrad(UnaryGrad k) {
    Elements grads = Elements.of(k.grad());
    Elements saves = Elements.of(k.saved());
    Elements outs = Elements.of(k.out());
    return () -> {
      for (long i = 0; i < k.out().numel(); i++) {
        outs.set(i, k.function().gradient(grads.get(i), saves.get(i)));
      }
    };
  }

  static Runnable binary(Binary k) {
    Elements as = Elements.of(k.a());
    Elements bs = Elements.of(k.b());
    Elements outs = Elements.of(k.out());
    boolean floating = k.a().dtype().isFloating();
    return () -> {
      for (long i = 0; i < k.out().numel(); i++) {
        if (floating) {
          outs.set(i, k.function().apply(as.get(i), bs.get(i)));
        } else {
          outs.setLong(i, apply(k.function(), as.getLong(i), bs.getLong(i)));
        }
      }
    };
  }

  static Runnable binaryScalar(BinaryScalar k) {
    Elements as = Elements.of(k.a());
    Elements outs = Elements.of(k.out());
    DType dtype = k.a().dtype();
    boolean floating = dtype.isFloating();
    double real = dtype == DType.F64 ? k.scalar() : (float) k.scalar();
    long integer = dtype == DType.I32 ? (int) k.scalar() : (long) k.scalar();
    return () -> {
      for (long i = 0; i < k.out().numel(); i++) {
        if (floating) {
          double x = as.get(i);
          outs.set(i, k.scalarFirst() ? k.function().apply(real, x) : k.function().apply(x, real));
        } else {
          long x = as.getLong(i);
          outs.setLong(
              i,
              k.scalarFirst() ? apply(k.function(), integer, x) : apply(k.function(), x, integer));
        }
      }
    };
  }

  /** The kernel on integers: exact, and modulo 2⁶⁴ (2³² once stored as I32). */
  private static long apply(BinaryFunction kernel, long a, long b) {
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

  static Runnable where(Where k) {
    Elements conditions = Elements.of(k.condition());
    Elements as = Elements.of(k.a());
    Elements bs = Elements.of(k.b());
    Elements outs = Elements.of(k.out());
    return () -> {
      for (long i = 0; i < k.out().numel(); i++) {
        outs.setBits(i, conditions.getLong(i) != 0 ? as : bs, i);
      }
    };
  }

  static Runnable copy(Copy k) {
    Elements xs = Elements.of(k.x());
    Elements outs = Elements.of(k.out());
    return () -> {
      for (long i = 0; i < k.out().numel(); i++) {
        outs.setBits(i, xs, i);
      }
    };
  }

  static Runnable cast(Cast k) {
    Elements xs = Elements.of(k.x());
    Elements outs = Elements.of(k.out());
    boolean floating = k.x().dtype().isFloating();
    return () -> {
      for (long i = 0; i < k.out().numel(); i++) {
        if (floating) {
          outs.convert(i, xs.get(i));
        } else {
          outs.setLong(i, xs.getLong(i));
        }
      }
    };
  }

  static Runnable fill(Fill k) {
    Elements outs = Elements.of(k.out());
    return () -> {
      for (long i = 0; i < k.out().numel(); i++) {
        outs.convert(i, k.value());
      }
    };
  }
}
