package dev.adjoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.autograd.Function;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** A close from another thread is an exception for those who use the tensor, never a crash. */
@ExtendWith(Reference.class)
class ConcurrencyTest {
  private static final int ROUNDS = 300;

  @Test
  void closingWhileAnotherThreadComputes() throws InterruptedException {
    AtomicInteger wrong = new AtomicInteger();
    for (int round = 0; round < ROUNDS; round++) {
      Tensor x = Tensor.full(Shape.of(64), 3);
      CountDownLatch started = new CountDownLatch(1);
      Thread reader =
          new Thread(
              () -> {
                started.countDown();
                try {
                  while (true) {
                    Scope.run(
                        () -> {
                          if (x.mul(2).sum().item() != 384) {
                            wrong.incrementAndGet();
                          }
                        });
                  }
                } catch (ClosedTensorException e) {
                  // how it should end
                }
              });
      reader.start();
      started.await();
      x.close();
      Tensor.full(Shape.of(64), 99).close(); // takes the memory over if it is free
      reader.join(10_000);
      assertTrue(!reader.isAlive());
    }
    assertEquals(0, wrong.get());
  }

  @Test
  void manyThreadsReadOneTensor() throws InterruptedException {
    Tensor w = Tensor.full(Shape.of(8, 8), 0.5).requiresGrad_(true);
    AtomicInteger right = new AtomicInteger();
    Thread[] threads = new Thread[4];
    for (int i = 0; i < threads.length; i++) {
      threads[i] =
          new Thread(
              () -> {
                for (int k = 0; k < 50; k++) {
                  Scope.run(
                      () -> {
                        if (Tensor.ones(2, 8).matmul(w).sum().item() == 64) {
                          right.incrementAndGet();
                        }
                      });
                }
              });
      threads[i].start();
    }
    for (Thread thread : threads) {
      thread.join();
    }
    assertEquals(200, right.get());
  }

  /** The identity; its backward pass waits until the collector has closed what nobody holds. */
  private static final class Collect extends Function {
    @Override
    protected Result forward(List<Tensor> inputs) {
      return new Result(inputs.get(0), List.of());
    }

    @Override
    protected List<@Nullable Tensor> backward(Tensor grad, List<Tensor> saved) {
      try {
        for (int i = 0; i < 5; i++) {
          System.gc();
          Thread.sleep(10); // the Cleaner has a thread of its own
        }
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
      return List.of(grad);
    }
  }

  @Test
  void aRunningBackwardPassHoldsItsGraph() throws InterruptedException {
    Tensor w = Tensor.full(Shape.of(4), 0).requiresGrad_(true);
    long before = liveStorages();
    Thread walker =
        new Thread(
            () -> {
              // No scope and no variable: the handles of this graph are garbage at once.
              new Collect().apply(w.exp().add(w)).sum().backward();
            });
    walker.start();
    walker.join();
    Expect.values(w.grad(), 2, 2, 2, 2);
    for (int i = 0; i < 500 && liveStorages() > before + 1; i++) { // the gradient stays
      System.gc();
      Thread.sleep(5);
    }
  }

  private static long liveStorages() {
    return Adjoint.memory(Device.REFERENCE).liveStorages();
  }
}
