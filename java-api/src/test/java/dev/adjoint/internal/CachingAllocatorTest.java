package dev.adjoint.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.DType;
import dev.adjoint.Device;
import dev.adjoint.OutOfMemoryException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import dev.adjoint.Race;
import dev.adjoint.Scope;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class CachingAllocatorTest {
  private static final long BUDGET = 1 << 20;

  private final DeviceContext context = Backends.of(Device.REFERENCE);
  private final Budget budget = new Budget(BUDGET);
  private final CachingAllocator allocator = sharer();

  private CachingAllocator sharer() {
    return CachingAllocator.of(context, context.backend(), budget);
  }

  @AfterEach
  void nothingStays() {
    allocator.drain();
    assertEquals(0, allocator.use().liveBytes());
    assertEquals(0, allocator.use().liveStorages());
    assertEquals(0, allocator.use().cachedBytes());
    assertEquals(0, budget.held());
  }

  private Storage allocate(long bytes, String label) {
    return allocator.allocate(bytes, null, label);
  }

  @Test
  void sizesAreRoundedByAnEighthAtMost() {
    assertEquals(64, CachingAllocator.roundUp(0));
    assertEquals(64, CachingAllocator.roundUp(64));
    assertEquals(128, CachingAllocator.roundUp(65));
    assertEquals(1 << 20, CachingAllocator.roundUp(1 << 20));
    assertEquals((1 << 20) + (1 << 17), CachingAllocator.roundUp((1 << 20) + 1));
    for (long bytes = 1; bytes < 1 << 20; bytes = bytes * 5 / 4 + 1) {
      long size = CachingAllocator.roundUp(bytes);
      assertTrue(size >= bytes && size % 64 == 0, () -> "size " + size);
      assertTrue(size <= Math.max(bytes + 64, bytes + bytes / 8 + 1), () -> "size " + size);
    }
  }

  @Test
  void theNextAllocationReusesTheBlock() {
    Storage first = allocate(1000, "first");
    long address = first.memory().address();
    first.release();
    assertEquals(1024, allocator.use().cachedBytes());
    Storage second = allocate(990, "second");
    assertEquals(address, second.memory().address());
    assertEquals(0, allocator.use().cachedBytes());
    assertEquals(1024, allocator.use().liveBytes());
    Storage third = allocate(1000, "third");
    assertNotEquals(address, third.memory().address());
    second.release();
    third.release();
    assertEquals(2048, allocator.use().peakBytes());
  }

  @Test
  void theBudgetCountsTheCacheAndDrainsIt() {
    allocate(800_000, "a").release();
    assertTrue(allocator.use().cachedBytes() >= 800_000);
    Storage b = allocate(500_000, "b"); // another size: does not fit beside the cached block
    assertEquals(0, allocator.use().cachedBytes());
    b.release();
  }

  @Test
  void whoSharesABudgetHasWhatTheOthersLeave() {
    CachingAllocator other = sharer();
    assertEquals(BUDGET, other.use().budget());
    Storage a = other.allocate(600_000, null, "a");
    String message =
        assertThrows(OutOfMemoryException.class, () -> allocate(500_000, "b")).getMessage();
    assertNotNull(message);
    assertTrue(message.contains("exceed the budget of 1.0 MiB"), message);
    assertTrue(message.contains("other devices that share it hold 640.0 KiB"), message);
    a.release();
    assertEquals(655_360, other.use().cachedBytes());
    Storage b = allocate(500_000, "b"); // out of what the other had in its cache
    assertEquals(0, other.use().cachedBytes());
    assertEquals(allocator.use().liveBytes(), budget.held());
    b.release();
  }

  /** Each has less than the budget in its cache, both together more than it allows. */
  @Test
  void sharersInTwoThreadsDoNotWaitForEachOther() throws InterruptedException {
    CachingAllocator other = sharer();
    AtomicInteger done = new AtomicInteger();
    List<Thread> threads = new ArrayList<>();
    for (CachingAllocator own : List.of(allocator, other)) {
      threads.add(
          Thread.ofPlatform()
              .daemon()
              .start(
                  () -> {
                    for (int i = 0; i < 2000; i++) {
                      own.allocate(100_000 + i % 7 * 50_000, null, "x").release();
                    }
                    done.incrementAndGet();
                  }));
    }
    for (Thread thread : threads) {
      thread.join(60_000);
    }
    assertEquals(2, done.get());
    other.drain();
  }

  @Test
  void overTheBudgetTheMessageNamesTheLargest() {
    Storage small = allocate(100_000, "F32 [25000]");
    Storage large = allocate(800_000, "F64 [100000]");
    String message =
        assertThrows(OutOfMemoryException.class, () -> allocate(300_000, "x")).getMessage();
    assertNotNull(message);
    assertTrue(message.contains("293.0 KiB more on reference"), message);
    assertTrue(message.contains("budget of 1.0 MiB"), message);
    assertTrue(message.contains("in 2 storages"), message);
    assertTrue(message.indexOf("F64 [100000]") < message.indexOf("F32 [25000]"), message);
    assertTrue(message.contains("-Dadjoint.memory"), message);
    small.release();
    large.release();
  }

  @Test
  void whatCanNeverFitFailsAtOnce() {
    long start = System.nanoTime();
    assertThrows(OutOfMemoryException.class, () -> allocate(Long.MAX_VALUE, "x"));
    assertThrows(OutOfMemoryException.class, () -> allocate(BUDGET + 1, "x"));
    assertTrue(System.nanoTime() - start < 1_000_000_000L);
  }

  @Test
  void aPrivatePoolSharesNothingUntilItIsClosed() {
    MemoryPool pool = allocator.newPrivatePool();
    Storage inside = allocator.allocate(1000, pool, "inside");
    long address = inside.memory().address();
    inside.release();
    Storage outside = allocate(1000, "outside");
    assertNotEquals(address, outside.memory().address());
    Storage again = allocator.allocate(1000, pool, "again");
    assertEquals(address, again.memory().address());
    allocator.closePool(pool);
    again.release(); // to everybody
    Storage shared = allocate(1000, "shared");
    assertEquals(address, shared.memory().address());
    outside.release();
    shared.release();
  }

  @Test
  void whatCapturedStepsKeepIsToldAndCannotBeDrained() {
    MemoryPool pool = allocator.newPrivatePool();
    allocator.allocate(800_000, pool, "inside").release();
    allocator.drain();
    assertTrue(allocator.use().liveBytes() >= 800_000);
    assertEquals(0, allocator.use().cachedBytes());
    String message =
        assertThrows(OutOfMemoryException.class, () -> allocate(300_000, "x")).getMessage();
    assertNotNull(message);
    assertTrue(message.contains("832.0 KiB kept by captured steps to replay"), message);
    assertTrue(message.contains("Close tensors and captured steps earlier"), message);
    allocator.closePool(pool);
    allocate(300_000, "x").release();
  }

  @Test
  void unscopedBytesAreCountedOffWhoeverCloses() throws InterruptedException {
    CachingAllocator own = context.allocator();
    long before = own.unscopedBytes();
    Race.run(
        new Race.Round() {
          private @Nullable Tensor x;
          private Scope scope = Scope.open();

          @Override
          public void start() {
            scope.close();
            scope = Scope.open();
            x = Tensor.full(Shape.of(64), 1, DType.F32, Device.REFERENCE);
          }

          @Override
          public void here() {
            scope.keep(Objects.requireNonNull(x));
          }

          @Override
          public void there() {
            Objects.requireNonNull(x).close();
          }

          @Override
          public void check() {
            assertEquals(before, own.unscopedBytes());
          }
        });
  }

  @Test
  void countingErrorsAreLoud() {
    Storage storage = allocate(1, "x");
    assertTrue(storage.tryRetain());
    storage.release();
    assertTrue(storage.isExclusive());
    storage.release();
    assertThrows(IllegalStateException.class, storage::retain);
    assertTrue(!storage.tryRetain());
  }

  @Test
  void liveStoragesAreListedLargestFirst() {
    Storage small = allocate(100, "small");
    Storage large = allocate(2000, "large");
    assertEquals("2.0 KiB  large", allocator.liveStorages().get(0));
    assertEquals("128 B  small", allocator.liveStorages().get(1));
    small.release();
    large.release();
  }
}
