package dev.adjoint.tck;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.adjoint.DType;
import dev.adjoint.Shape;
import dev.adjoint.spi.HalfFloats;
import dev.adjoint.spi.Layout;
import java.lang.foreign.MemorySegment;
import java.util.function.LongToDoubleFunction;

/**
 * One operand of a kernel under test: where its elements lie, and the bytes of its whole block
 * before the kernel runs. All that is not an element to be read is poison, NaN in every floating
 * type: before, between and after the elements, and in outputs the elements too.
 *
 * @param dtype the element type
 * @param layout the elements' places in the block
 * @param image the block's bytes
 * @param written whether the kernel may write the elements
 */
public record Operand(DType dtype, Layout layout, MemorySegment image, boolean written) {
  private static final byte POISON = (byte) 0xFF;
  private static final long GUARD = 64;

  /** An operand that is only read. */
  public static Operand input(DType dtype, Layout layout, LongToDoubleFunction values) {
    return filled(dtype, layout, values, false);
  }

  /** An operand that is read and written. */
  public static Operand updated(DType dtype, Layout layout, LongToDoubleFunction values) {
    return filled(dtype, layout, values, true);
  }

  /** An operand that is only written. */
  public static Operand output(DType dtype, Layout layout) {
    return new Operand(dtype, layout, poison(dtype, layout), true);
  }

  /** Dense I64 elements that are only read. */
  public static Operand indices(long... values) {
    Layout layout = Placement.DENSE.of(Shape.of(values.length));
    Operand operand = new Operand(DType.I64, layout, poison(DType.I64, layout), false);
    for (int i = 0; i < values.length; i++) {
      operand.image.set(JAVA_LONG_UNALIGNED, layout.position(i) * Long.BYTES, values[i]);
    }
    return operand;
  }

  private static Operand filled(
      DType dtype, Layout layout, LongToDoubleFunction values, boolean written) {
    Operand operand = new Operand(dtype, layout, poison(dtype, layout), written);
    for (long i = 0; i < layout.numel(); i++) {
      operand.set(i, values.applyAsDouble(i));
    }
    return operand;
  }

  private static MemorySegment poison(DType dtype, Layout layout) {
    long end = layout.offset();
    for (long i = 0; i < layout.numel(); i++) {
      end = Math.max(end, layout.position(i) + 1);
    }
    MemorySegment image =
        MemorySegment.ofArray(new byte[Math.toIntExact(end * dtype.bytes() + GUARD)]);
    return image.fill(POISON);
  }

  private void set(long i, double value) {
    long at = layout.position(i) * dtype.bytes();
    switch (dtype) {
      case F32 -> image.set(JAVA_FLOAT_UNALIGNED, at, (float) value);
      case F64 -> image.set(JAVA_DOUBLE_UNALIGNED, at, value);
      case F16 -> image.set(JAVA_SHORT_UNALIGNED, at, HalfFloats.toF16(HalfFloats.toOdd(value)));
      case BF16 -> image.set(JAVA_SHORT_UNALIGNED, at, HalfFloats.toBf16(HalfFloats.toOdd(value)));
      case I32 -> image.set(JAVA_INT_UNALIGNED, at, (int) value);
      case I64 -> image.set(JAVA_LONG_UNALIGNED, at, (long) value);
      case BOOL -> image.set(JAVA_BYTE, at, (byte) (value != 0 ? 1 : 0));
    }
  }

  /** The value of element {@code i} before the kernel runs. */
  public double get(long i) {
    return get(image, i);
  }

  /** The value of element {@code i} in another state of the block. */
  double get(MemorySegment state, long i) {
    long at = layout.position(i) * dtype.bytes();
    return switch (dtype) {
      case F32 -> state.get(JAVA_FLOAT_UNALIGNED, at);
      case F64 -> state.get(JAVA_DOUBLE_UNALIGNED, at);
      case F16 -> HalfFloats.fromF16(state.get(JAVA_SHORT_UNALIGNED, at));
      case BF16 -> HalfFloats.fromBf16(state.get(JAVA_SHORT_UNALIGNED, at));
      case I32 -> state.get(JAVA_INT_UNALIGNED, at);
      case I64 -> state.get(JAVA_LONG_UNALIGNED, at);
      case BOOL -> state.get(JAVA_BYTE, at);
    };
  }

  /** The value of integer element {@code i} in a state of the block, exactly. */
  long getLong(MemorySegment state, long i) {
    long at = layout.position(i) * dtype.bytes();
    return switch (dtype) {
      case I32 -> state.get(JAVA_INT_UNALIGNED, at);
      case I64 -> state.get(JAVA_LONG_UNALIGNED, at);
      case BOOL -> state.get(JAVA_BYTE, at);
      case F32, F64, F16, BF16 ->
          throw new IllegalArgumentException(dtype + " is not an integer type");
    };
  }

  /** The same operand with the absolute values of its floating elements. */
  Operand magnitudes() {
    return dtype.isFloating() ? filled(dtype, layout, i -> Math.abs(get(i)), written) : this;
  }

  /** A copy of {@code state} in which the elements are as they were before the kernel ran. */
  MemorySegment withOriginalElements(MemorySegment state) {
    MemorySegment copy = MemorySegment.ofArray(new byte[(int) state.byteSize()]).copyFrom(state);
    long size = dtype.bytes();
    for (long i = 0; i < layout.numel(); i++) {
      long at = layout.position(i) * size;
      MemorySegment.copy(image, at, copy, at, size);
    }
    return copy;
  }

  @Override
  public String toString() {
    return dtype.suffix() + layout;
  }
}
