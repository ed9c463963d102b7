package dev.adjoint.spi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.function.DoubleUnaryOperator;
import java.util.function.LongToDoubleFunction;
import org.junit.jupiter.api.Test;

class HalfFloatsTest {
  private static double bf16(double x) {
    return HalfFloats.fromBf16(HalfFloats.toBf16(HalfFloats.toOdd(x)));
  }

  private static double f16(double x) {
    return HalfFloats.fromF16(HalfFloats.toF16(HalfFloats.toOdd(x)));
  }

  @Test
  void everyNumberSurvives() {
    for (int bits = 0; bits < 1 << 16; bits++) {
      float brain = HalfFloats.fromBf16((short) bits);
      float half = HalfFloats.fromF16((short) bits);
      assertEquals(brain, bf16(brain));
      assertEquals(brain, HalfFloats.roundToBf16(brain));
      assertEquals(half, f16(half));
    }
  }

  /** Between neighbours the nearer one is taken, half-way the even one; each found by counting. */
  @Test
  void theNearestIsTaken() {
    assertNearest(HalfFloatsTest::bf16, i -> HalfFloats.fromBf16((short) i), 0x7f80);
    assertNearest(HalfFloatsTest::f16, i -> HalfFloats.fromF16((short) i), 0x7c00);
  }

  private static void assertNearest(
      DoubleUnaryOperator round, LongToDoubleFunction number, int infinity) {
    for (int i = 0; i < infinity - 1; i++) {
      double low = number.applyAsDouble(i);
      double high = number.applyAsDouble(i + 1);
      double middle = low + (high - low) / 2;
      assertEquals(i % 2 == 0 ? low : high, round.applyAsDouble(middle));
      assertEquals(low, round.applyAsDouble(Math.nextDown(middle)));
      assertEquals(high, round.applyAsDouble(Math.nextUp(middle)));
      assertEquals(-high, round.applyAsDouble(-Math.nextUp(middle)));
    }
  }

  @Test
  void tooLargeIsInfiniteAndNanStaysNan() {
    assertEquals(Double.POSITIVE_INFINITY, bf16(Float.MAX_VALUE));
    assertEquals(Double.NEGATIVE_INFINITY, bf16(-1e300));
    assertEquals(Double.POSITIVE_INFINITY, f16(65520));
    assertEquals(65504, f16(Math.nextDown(65520.0)));
    assertEquals(0, bf16(Double.MIN_VALUE));
    // A payload that lies in the lost bits alone must not become an infinity.
    float quiet = Float.intBitsToFloat(0x7f800001);
    assertTrue(Float.isNaN(HalfFloats.roundToBf16(quiet)));
    assertTrue(Double.isNaN(f16(Double.NaN)));
  }

  @Test
  void integersAreRoundedOnce() {
    long middle = (1L << 62) + (1L << 54); // between two numbers of 8 bits, the lower one even
    assertEquals(0x1p62f, HalfFloats.roundToBf16(HalfFloats.toOdd(middle)));
    assertEquals(0x1.02p62f, HalfFloats.roundToBf16(HalfFloats.toOdd(middle + 1)));
    assertEquals(-0x1.02p62f, HalfFloats.roundToBf16(HalfFloats.toOdd(-middle - 1)));
    assertEquals(0x1p62f, HalfFloats.roundToBf16(HalfFloats.toOdd(middle - 1)));
    assertEquals(-0x1p63f, HalfFloats.roundToBf16(HalfFloats.toOdd(Long.MIN_VALUE)));
    assertEquals(16_777_216f, HalfFloats.toOdd(1L << 24));
    assertEquals(16_777_217 + 2f, HalfFloats.toOdd((1L << 24) + 3));
  }
}
