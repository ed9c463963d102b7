package dev.adjoint.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class ResidentMemoryTest {
  private static final long FOREVER = Long.MAX_VALUE / 2;
  private static final long BLOCK = 64 << 20;

  @Test
  void peakIsWhatTheProcessHas() {
    assertTrue(ResidentMemory.peakBytes() > 1 << 20);
  }

  @Test
  void goesOnUntilNothingGrows() {
    var runs = new AtomicInteger();
    ResidentMemory.settle(runs::incrementAndGet, () -> BLOCK * Math.min(runs.get(), 7), FOREVER);
    assertEquals(7 + 5, runs.get());
  }

  @Test
  void littleGrowthIsNone() {
    var runs = new AtomicInteger();
    ResidentMemory.settle(runs::incrementAndGet, () -> 1000L * runs.get(), FOREVER);
    assertEquals(5, runs.get());
  }

  @Test
  void givesUpOnWhatAlwaysGrows() {
    var runs = new AtomicInteger();
    ResidentMemory.settle(runs::incrementAndGet, () -> BLOCK * runs.get(), 1_000_000);
    assertTrue(runs.get() > 0);
  }
}
