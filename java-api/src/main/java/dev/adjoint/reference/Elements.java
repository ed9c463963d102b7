package dev.adjoint.reference;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.adjoint.DType;
import dev.adjoint.TensorException;
import dev.adjoint.spi.HalfFloats;
import dev.adjoint.spi.Layout;
import dev.adjoint.spi.View;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The elements of a view by logical (row-major) index, as float64 or as 64-bit integers. Writing
 * rounds to the view's type, to nearest: results of 16 bits are results of F32 that are rounded
 * again; conversions are rounded once.
 */
final class Elements {
  private static final long MAX_ARRAY = Integer.MAX_VALUE - 8;

  private final MemorySegment segment;
  private final Layout layout;
  private final DType dtype;

  private Elements(View view, Layout layout) {
    this.segment = view.memory().segment();
    this.layout = layout;
    this.dtype = view.dtype();
  }

  static Elements of(View view) {
    return new Elements(view, view.layout());
  }

  /** The same elements in another order of dimensions. */
  static Elements permuted(View view, int... order) {
    return new Elements(view, view.layout().permute(order));
  }

  /** All elements in logical order. */
  static double[] read(View view) {
    Elements elements = of(view);
    if (view.numel() > MAX_ARRAY) {
      throw new TensorException(
          "reference: "
              + view.layout().shape()
              + " has more elements than this backend takes into one Java array; use another one");
    }
    double[] values = new double[(int) view.numel()];
    for (int i = 0; i < values.length; i++) {
      values[i] = elements.get(i);
    }
    return values;
  }

  /** Sets all elements, given in logical order. */
  static void write(View view, double[] values) {
    Elements elements = of(view);
    for (int i = 0; i < values.length; i++) {
      elements.set(i, values[i]);
    }
  }

  /** {@link #write}, or nothing if nobody wants the values. */
  static void writeIfWanted(@Nullable View view, double[] values) {
    if (view != null) {
      write(view, values);
    }
  }

  double get(long i) {
    long at = layout.position(i);
    return switch (dtype) {
      case F32 -> segment.getAtIndex(JAVA_FLOAT, at);
      case F64 -> segment.getAtIndex(JAVA_DOUBLE, at);
      case F16 -> HalfFloats.fromF16(segment.getAtIndex(JAVA_SHORT, at));
      case BF16 -> HalfFloats.fromBf16(segment.getAtIndex(JAVA_SHORT, at));
      case I32 -> segment.getAtIndex(JAVA_INT, at);
      case I64 -> segment.getAtIndex(JAVA_LONG, at);
      case BOOL -> segment.get(JAVA_BYTE, at);
    };
  }

  /** Sets an element to a computed value. */
  void set(long i, double value) {
    convert(i, dtype.isHalf() ? (float) value : value);
  }

  /** Sets an element to the number of its type that is nearest. */
  void convert(long i, double value) {
    long at = layout.position(i);
    switch (dtype) {
      case F32 -> segment.setAtIndex(JAVA_FLOAT, at, (float) value);
      case F64 -> segment.setAtIndex(JAVA_DOUBLE, at, value);
      case F16, BF16 -> setHalf(at, HalfFloats.toOdd(value));
      case I32 -> segment.setAtIndex(JAVA_INT, at, (int) value);
      case I64 -> segment.setAtIndex(JAVA_LONG, at, (long) value);
      case BOOL -> segment.set(JAVA_BYTE, at, (byte) (value != 0 ? 1 : 0));
    }
  }

  /** An element of an integer view; exact where float64 would not be. */
  long getLong(long i) {
    long at = layout.position(i);
    return switch (dtype) {
      case I32 -> segment.getAtIndex(JAVA_INT, at);
      case I64 -> segment.getAtIndex(JAVA_LONG, at);
      case BOOL -> segment.get(JAVA_BYTE, at);
      case F32, F64, F16, BF16 ->
          throw new IllegalArgumentException(dtype + " is not an integer type");
    };
  }

  /** Sets an element of any view to an integer; rounded once if the view is floating. */
  void setLong(long i, long value) {
    long at = layout.position(i);
    switch (dtype) {
      case F32 -> segment.setAtIndex(JAVA_FLOAT, at, (float) value);
      case F64 -> segment.setAtIndex(JAVA_DOUBLE, at, (double) value);
      case F16, BF16 -> setHalf(at, HalfFloats.toOdd(value));
      case I32 -> segment.setAtIndex(JAVA_INT, at, (int) value);
      case I64 -> segment.setAtIndex(JAVA_LONG, at, value);
      case BOOL -> segment.set(JAVA_BYTE, at, (byte) (value != 0 ? 1 : 0));
    }
  }

  private void setHalf(long at, float value) {
    short bits = dtype == DType.BF16 ? HalfFloats.toBf16(value) : HalfFloats.toF16(value);
    segment.setAtIndex(JAVA_SHORT, at, bits);
  }

  /** Copies an element bit by bit from elements of the same type. */
  void setBits(long i, Elements from, long j) {
    long bytes = dtype.bytes();
    MemorySegment.copy(
        from.segment, from.layout.position(j) * bytes, segment, layout.position(i) * bytes, bytes);
  }
}
