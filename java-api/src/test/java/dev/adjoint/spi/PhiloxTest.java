package dev.adjoint.spi;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class PhiloxTest {
  /** The known answers that Random123 publishes with the generator. */
  @Test
  void blocksAreThoseOfRandom123() {
    assertArrayEquals(
        new int[] {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}, Philox.block(0, 0, 0));
    assertArrayEquals(
        new int[] {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}, Philox.block(-1, -1, -1));
    assertArrayEquals(
        new int[] {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
        Philox.block(0x85a308d3_243f6a88L, 0x03707344_13198a2eL, 0x299f31d0_a4093822L));
  }

  @Test
  void elementsTakeTheirWordsInOrder() {
    int[] first = Philox.block(0, 5, 9);
    int[] second = Philox.block(1, 5, 9);
    for (int i = 0; i < 4; i++) {
      assertEquals(first[i], Philox.bits32(9, 5, i));
      assertEquals(second[i], Philox.bits32(9, 5, 4 + i));
    }
    for (int i = 0; i < 2; i++) {
      long expected = Integer.toUnsignedLong(first[2 * i]) | (long) first[2 * i + 1] << 32;
      assertEquals(expected, Philox.bits64(9, 5, i));
    }
  }

  @Test
  void uniformsStayBelowTheirUpperBound() {
    assertEquals(0f, Philox.uniform32(0));
    assertEquals(1 - 0x1p-24f, Philox.uniform32(-1));
    assertEquals(1 - 0x1p-53, Philox.uniform64(-1L));
    // 1 + (1 − 2⁻²⁴) is a tie that rounds to 2.
    assertEquals(1f, Philox.uniform32(-1, 1f, 2f));
    assertEquals(1.0, Philox.uniform64(-1L, 1.0, 2.0));
    assertEquals(-3f, Philox.uniform32(0, -3f, 5f));
  }

  /** Quantiles to 16 digits, from tables of the normal distribution. */
  @Test
  void inverseNormalIsAccurateInAllThreeRegions() {
    assertEquals(0.0, Philox.inverseNormal(0.5));
    assertEquals(0.6744897501960817, Philox.inverseNormal(0.75), 2e-16);
    assertEquals(1.2815515655446004, Philox.inverseNormal(0.9), 5e-16);
    assertEquals(-2.3263478740408408, Philox.inverseNormal(0.01), 1e-15);
    assertEquals(-5.997807015007687, Philox.inverseNormal(1e-9), 4e-15);
    assertEquals(-8.222082216130435, Philox.inverseNormal(1e-16), 8e-15);
  }

  @Test
  void normalsAreFiniteAndSymmetric() {
    assertEquals(-Philox.normal32(0), Philox.normal32(-1));
    assertEquals(-Philox.normal64(0), Philox.normal64(-1L));
    assertTrue(Double.isFinite(Philox.normal64(-1L)));
  }

  @Test
  void logIsWithinThreeUlp() {
    for (int i = 1; i < 100_000; i++) {
      double x = Math.scalb(1 + i * 1e-5, i % 600 - 300);
      double expected = StrictMath.log(x);
      assertEquals(expected, Philox.log(x), 3 * Math.ulp(expected));
    }
    assertEquals(0.0, Philox.log(1.0));
  }
}
