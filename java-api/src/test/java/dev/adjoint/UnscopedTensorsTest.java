package dev.adjoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.autograd.CapturedStep;
import dev.adjoint.internal.Tensors;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
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

  @SuppressWarnings({"MustBeClosedChecker", "CheckReturnValue"})
  private static void dropAScope() {
    Scope.open();
    Tensor.ones(10).requiresGrad_(true).exp().sum().backward();
    Scope.tidy(() -> Tensor.ones(3));
  }

  @Test
  void aDroppedScopeIsPassedOverAndFreed() throws InterruptedException {
    long before = live();
    try (Scope outer = Scope.open()) {
      dropAScope();
      collectUntil(before);
      Tensor x = Tensor.ones(1); // born in the scope around the lost one
      outer.keep(x).close();
      Tensor.ones(1);
      assertEquals(before + 1, live());
    }
    assertEquals(before, live());
  }

  @Test
  void aScopeOfAThreadThatEndedIsFreed() throws InterruptedException {
    long before = live();
    Thread thread = new Thread(UnscopedTensorsTest::dropAScope);
    thread.start();
    thread.join();
    assertTrue(live() > before);
    collectUntil(before);
  }

  @SuppressWarnings({"MustBeClosedChecker", "CheckReturnValue"})
  private static Tensor bornInADroppedScope() {
    Scope.open();
    return Tensor.ones(2);
  }

  @Test
  void aHeldTensorKeepsADroppedScopeOpen() throws InterruptedException {
    long before = live();
    try (Scope outer = Scope.open()) {
      Tensor held = bornInADroppedScope();
      collectUntil(before + 1);
      Expect.values(held, 1, 1);
      Expect.failure(TensorException.class, outer::close, "inner scope was still open");
      assertTrue(held.isClosed());
    }
    assertEquals(before, live());
  }

  @SuppressWarnings("MustBeClosedChecker")
  private static Tensor outputOfADroppedStep(Tensor x) {
    return CapturedStep.record(Device.REFERENCE, () -> List.of(x.mul(2).exp().log())).output(0);
  }

  @Test
  void aDroppedStepIsFreedButNotItsHeldOutput() throws InterruptedException {
    long before = live();
    long bytes = Adjoint.memory(Device.REFERENCE).liveBytes();
    try (Tensor x = Tensor.full(Shape.of(10), 3)) {
      Tensor output = outputOfADroppedStep(x);
      outputOfADroppedStep(x);
      collectUntil(before + 2);
      assertEquals(6, output.get(0), 1e-4);
      output.close();
    }
    collectUntil(before);
    assertEquals(bytes, Adjoint.memory(Device.REFERENCE).liveBytes());
  }
}
