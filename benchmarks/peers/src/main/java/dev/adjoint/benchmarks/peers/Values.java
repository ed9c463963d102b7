package dev.adjoint.benchmarks.peers;

import dev.adjoint.benchmarks.Inputs;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.function.LongToDoubleFunction;
import org.bytedeco.javacpp.Pointer;

/**
 * Dense numbers of one element type outside the heap: filled from a case's inputs, read to be
 * compared.
 */
record Values(MemorySegment memory, String dtype) {
  /** Numbers that a library holds. */
  @SuppressWarnings("restricted")
  static Values at(Pointer address, long bytes, String dtype) {
    return new Values(MemorySegment.ofAddress(address.address()).reinterpret(bytes), dtype);
  }

  /** Bytes of one element. */
  static int bytes(String dtype) {
    return switch (dtype) {
      case "f64", "i64" -> 8;
      case "f32" -> 4;
      case "bf16" -> 2;
      default -> throw new IllegalArgumentException(dtype);
    };
  }

  long size() {
    return memory.byteSize() / bytes(dtype);
  }

  Values fill(LongToDoubleFunction value) {
    long size = size();
    switch (dtype) {
      case "f64" -> {
        for (long i = 0; i < size; i++) {
          memory.setAtIndex(ValueLayout.JAVA_DOUBLE, i, value.applyAsDouble(i));
        }
      }
      case "f32" -> {
        for (long i = 0; i < size; i++) {
          memory.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) value.applyAsDouble(i));
        }
      }
      case "bf16" -> {
        for (long i = 0; i < size; i++) {
          memory.setAtIndex(ValueLayout.JAVA_SHORT, i, bf16((float) value.applyAsDouble(i)));
        }
      }
      default -> {
        for (long i = 0; i < size; i++) {
          memory.setAtIndex(ValueLayout.JAVA_LONG, i, (long) value.applyAsDouble(i));
        }
      }
    }
    return this;
  }

  /** Rounded to nearest, ties to even; no NaN comes here. */
  private static short bf16(float value) {
    int bits = Float.floatToRawIntBits(value);
    return (short) ((bits + 0x7FFF + ((bits >>> 16) & 1)) >>> 16);
  }

  double get(long i) {
    return switch (dtype) {
      case "f64" -> memory.getAtIndex(ValueLayout.JAVA_DOUBLE, i);
      case "f32" -> memory.getAtIndex(ValueLayout.JAVA_FLOAT, i);
      case "bf16" -> Float.intBitsToFloat(memory.getAtIndex(ValueLayout.JAVA_SHORT, i) << 16);
      default -> memory.getAtIndex(ValueLayout.JAVA_LONG, i);
    };
  }

  /** The values that are compared of a result in several parts, one after the other. */
  static double[] pick(List<Values> parts) {
    return Inputs.pick(
        parts.stream().mapToLong(Values::size).sum(),
        i -> {
          long left = i;
          for (Values part : parts) {
            if (left < part.size()) {
              return part.get(left);
            }
            left -= part.size();
          }
          throw new IndexOutOfBoundsException(i);
        });
  }
}
