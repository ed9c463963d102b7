package dev.adjoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.internal.Tensors;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Outside any scope the collector closes what is dropped: tensors, their graphs, gradients. */
class UnscopedTensorsTest {
  @BeforeEach
  void onTheReference() {
    Adjoint.setDefaultDevice(Device.REFERENCE);
  }

  private static long live() {
    return Adjoint.memory(Device.REFERENCE).liveStorages();
  }

  @SuppressWarnings("ThreadPriorityCheck")
  private static void collectUntil(long wanted) throws InterruptedException {
    Instant deadline = Instant.now().plus(Duration.ofSeconds(10));
    while (live() > wanted && Instant.now().isBefore(deadline)) {
      System.gc();
      Thread.sleep(10);
    }
    assertEquals(wanted, live(), () -> Adjoint.liveStorages(Device.REFERENCE).toString());
  }

  private static void dropSomeTensors() {
    Tensor x = Tensor.ones(10).requiresGrad_(true);
    x.exp().mul(x).sum().backward();
    x.exp().sum(); // a graph that never goes backward
    Scope.tidy(() -> x.mul(2)); // kept out of all scopes
  }

  @Test
  void droppedTensorsAreFreed() throws InterruptedException {
    long before = live();
    dropSomeTensors();
    assertTrue(live() > before);
    collectUntil(before);
  }

  @Test
  void aHeldTensorIsNot() throws InterruptedException {
    long before = live();
    try (Tensor held = Tensor.ones(10).slice(0, 2, 4)) {
      collectUntil(before + 1);
      Expect.values(held, 1, 1);
    }
    collectUntil(before);
  }

  @Test
  void droppedBytesAreCollectedBeforeTheBudgetIsReached() throws InterruptedException {
    long before = live();
    long budget = Adjoint.memory(Device.REFERENCE).budget();
    long size = budget / 64;
    for (int i = 0; i < 256; i++) {
      // Four budgets' worth, which the collector would see as a few kilobytes of handles.
      Tensors.empty(Shape.of(size), DType.BOOL, Device.REFERENCE);
    }
    assertTrue(Adjoint.memory(Device.REFERENCE).peakBytes() <= budget);
    collectUntil(before);
    Adjoint.emptyCache(Device.REFERENCE);
  }
}
