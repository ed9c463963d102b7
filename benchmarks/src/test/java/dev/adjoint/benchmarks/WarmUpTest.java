package dev.adjoint.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.function.LongUnaryOperator;
import org.junit.jupiter.api.Test;

class WarmUpTest {
  private static final long BLOCK = 64 << 20;

  /** Each run takes so many milliseconds. */
  private int runMillis = 100;

  private int runs;

  /** How often it ran, with memory and the compiler's milliseconds as functions of that. */
  private int runs(LongUnaryOperator bytes, LongUnaryOperator compilingMillis) {
    var warmUp =
        new WarmUp(
            () -> bytes.applyAsLong(runs),
            () -> compilingMillis.applyAsLong(runs),
            () -> 1_000_000L * runs * runMillis);
    warmUp.settle(() -> runs++);
    return runs;
  }

  @Test
  void thisProcessSettles() {
    WarmUp.HERE.settle(() -> runs++);
    assertTrue(runs > 0);
    assertTrue(ResidentMemory.bytes() > 1 << 20);
    assertTrue(ResidentMemory.peakBytes() >= ResidentMemory.bytes() / 2);
  }

  @Test
  void goesOnUntilNothingGrows() {
    assertEquals(7 + 5, runs(runs -> BLOCK * Math.min(runs, 7), _ -> 0));
  }

  @Test
  void littleGrowthIsNone() {
    assertEquals(5, runs(runs -> 1000 * runs, _ -> 0));
  }

  @Test
  void longRunsNeedNotBeFive() {
    runMillis = 1500;
    assertEquals(2, runs(_ -> BLOCK, _ -> 0));
  }

  @Test
  void shortRunsAreNotLookedAtOneByOne() {
    runMillis = 1;
    assertEquals(500, runs(runs -> BLOCK * (runs % 10), _ -> 0));
  }

  @Test
  void goesOnWhileTheCompilerIsAtWork() {
    // A fifth of the time until the twelfth run, a twentieth from there on.
    assertEquals(20, runs(_ -> BLOCK, runs -> runs <= 12 ? 20 * runs : 240 + 5 * (runs - 12)));
  }

  @Test
  void givesUp() {
    assertEquals(200, runs(runs -> BLOCK * runs, _ -> 0));
    runs = 0;
    assertEquals(200, runs(_ -> BLOCK, runs -> 100 * runs));
  }
}
