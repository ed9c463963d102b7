package dev.adjoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.autograd.CapturedStep;
import dev.adjoint.internal.Tensors;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** Threads cannot make tensors faster than those that they drop are closed. */
class ManyTensorsTest {
  private static final int THREADS = 4;
  private static final int TENSORS = 250_000;

  /** What the other JVM runs, in a heap that holds few of these tensors. */
  static final class Dropping {
    private Dropping() {}

    @SuppressWarnings("SystemOut")
    public static void main(String[] args) throws InterruptedException {
      AtomicLong sum = new AtomicLong();
      Thread[] threads = new Thread[THREADS];
      for (int i = 0; i < THREADS; i++) {
        threads[i] =
            new Thread(
                () -> {
                  for (int k = 0; k < TENSORS; k++) {
                    sum.addAndGet(Tensor.full(Shape.scalar(), 1).numel());
                  }
                });
        threads[i].start();
      }
      for (Thread thread : threads) {
        thread.join();
      }
      System.out.println(sum.get());
    }
  }

  @Test
  void droppedHandlesDoNotFillTheHeap() throws IOException, InterruptedException {
    String output = ForkedJvm.output(Dropping.class, "-Xmx48m", "-Dadjoint.memory=1g");
    assertEquals(String.valueOf((long) THREADS * TENSORS), output.strip());
  }

  /** Runs out of its budget. */
  static final class Exhausting {
    private Exhausting() {}

    @SuppressWarnings("SystemOut")
    public static void main(String[] args) {
      try {
        for (int i = 0; i < 100; i++) {
          Tensors.empty(Shape.of(1 << 20), DType.BOOL, Device.REFERENCE); // little on the heap
        }
      } catch (OutOfMemoryException e) {
        System.out.println(e.getMessage());
      }
    }
  }

  @Test
  void theMessageSaysThatJavaMayNotCollect() throws IOException, InterruptedException {
    String message =
        ForkedJvm.output(Exhausting.class, "-Dadjoint.memory=8m", "-XX:+DisableExplicitGC");
    assertTrue(message.contains("remove -XX:+DisableExplicitGC"), message);
    assertEquals("", ForkedJvm.output(Exhausting.class, "-Dadjoint.memory=8m"));
  }

  /** Records steps and drops them: fifteen times a quarter of the budget. */
  static final class DroppingSteps {
    private DroppingSteps() {}

    @SuppressWarnings({"SystemOut", "MustBeClosedChecker", "CheckReturnValue"})
    public static void main(String[] args) {
      Tensor x = Tensor.ones(1 << 20);
      for (int i = 0; i < 15; i++) {
        CapturedStep.record(Device.REFERENCE, () -> List.of(x.mul(2).add(1).sum()));
      }
      System.out.println(x.get(0));
    }
  }

  @Test
  void droppedStepsDoNotFillTheBudget() throws IOException, InterruptedException {
    String output = ForkedJvm.output(DroppingSteps.class, "-Dadjoint.memory=32m");
    assertEquals("1.0", output.strip());
  }
}
