package dev.adjoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
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

  @Test
  @SuppressWarnings("ThreadPriorityCheck")
  void collectionsDuringGraphsNobodyHolds() throws InterruptedException {
    Tensor w = Tensor.full(Shape.of(16), 1).requiresGrad_(true);
    long before = Adjoint.memory(Device.REFERENCE).liveStorages();
    AtomicInteger done = new AtomicInteger();
    Thread walker =
        new Thread(
            () -> {
              for (int i = 0; i < ROUNDS; i++) {
                // No scope and no variable: only the running backward pass holds this graph.
                w.exp().mul(w).square().mean().backward();
                done.incrementAndGet();
              }
            });
    walker.start();
    while (walker.isAlive()) {
      System.gc();
    }
    walker.join();
    assertEquals(ROUNDS, done.get());
    w.zeroGrad();
    for (int i = 0; i < 500 && Adjoint.memory(Device.REFERENCE).liveStorages() > before; i++) {
      System.gc();
      Thread.sleep(5);
    }
  }
}
