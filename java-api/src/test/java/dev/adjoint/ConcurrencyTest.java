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

  /** A tensor that the other thread closes. */
  private abstract static class Closing implements Race.Round {
    final Tensor w = Tensor.full(Shape.of(4), 3).requiresGrad_(true);
    Tensor x = w;
    @Nullable Tensor result;

    @Override
    public void start() {
      result = null;
      x = Tensor.full(Shape.of(4), 2).requiresGrad_(true);
    }

    @Override
    public void there() {
      x.close();
    }

    @Override
    public void check() {
      if (result != null) {
        assertTrue(result.requiresGrad());
        result.close();
      }
      x.close();
    }
  }

  @Test
  void aResultHasItsGraphOrThereIsNone() throws InterruptedException {
    Race.run(
        new Closing() {
          @Override
          public void here() {
            result = x.mul(2);
          }
        });
  }

  @Test
  void aViewAndAProductHaveTheirGraphsOrThereAreNone() throws InterruptedException {
    Race.run(
        new Closing() {
          @Override
          public void here() {
            result = Scope.tidy(() -> x.reshape(2, 2).matmul(w.detach().reshape(2, 2)));
          }
        });
  }

  @Test
  void noInputIsLeftOutOfAGraph() throws InterruptedException {
    Race.run(
        new Closing() {
          @Override
          public void here() {
            result = w.mul(x); // w alone would record it, too
          }

          @Override
          public void check() {
            if (result != null) {
              w.zeroGrad();
              result.sum().backward();
              Expect.values(w.grad(), 2, 2, 2, 2);
              w.zeroGrad();
            }
            super.check();
          }
        });
  }

  @Test
  void aGraphIsReleasedOnceWhoeverComesFirst() throws InterruptedException {
    Race.run(
        new Closing() {
          @Override
          public void here() {
            x.requiresGrad_(false);
          }
        });
    Race.run(
        new Closing() {
          @Override
          public void start() {
            super.start();
            x = w.mul(1);
          }

          @Override
          public void here() {
            x.add_(w);
          }
        });
  }

  @Test
  void backwardEndsOrThrowsWhenItsRootIsClosed() throws InterruptedException {
    Race.run(
        new Closing() {
          @Override
          public void start() {
            w.zeroGrad();
            x = Scope.tidy(() -> w.exp().mul(w).sum());
          }

          @Override
          public void here() {
            x.backward();
          }

          @Override
          public void check() {
            Tensor grad = w.grad();
            if (grad != null) {
              double expected = 4 * Math.exp(3);
              Expect.close(1e-4, grad, expected, expected, expected, expected);
            }
            w.zeroGrad();
          }
        });
  }

  @Test
  void backwardEndsWhenALeafIsClosed() throws InterruptedException {
    Race.run(
        new Closing() {
          private Tensor loss = w;

          @Override
          public void start() {
            super.start();
            w.zeroGrad();
            loss = Scope.tidy(() -> x.mul(w).add(x.mul(2)).sum());
          }

          @Override
          public void here() {
            loss.backward();
          }

          @Override
          public void check() {
            Expect.values(w.grad(), 2, 2, 2, 2);
            w.zeroGrad();
            loss.close();
            super.check();
          }
        });
  }

  @Test
  void noContributionToASharedLeafIsLost() throws InterruptedException {
    long before = liveStorages();
    Tensor w = Tensor.full(Shape.of(4), 3).requiresGrad_(true);
    Race.run(
        new Race.Round() {
          private int rounds;

          @Override
          public void start() {
            if (++rounds % 256 == 0) {
              System.gc(); // closes graphs and steals their memory while others are walked
            }
          }

          @Override
          public void here() {
            Scope.run(this::there);
          }

          @Override
          public void there() {
            w.mul(2).mul(w).sum().backward(); // no scope on the other thread: dropped at once
          }

          @Override
          public void check() {
            Expect.values(w.grad(), 24, 24, 24, 24);
            w.zeroGrad();
          }
        });
    for (int i = 0; i < 500 && liveStorages() > before + 1; i++) {
      System.gc();
      Thread.sleep(5);
    }
  }

  private static long liveStorages() {
    return Adjoint.memory(Device.REFERENCE).liveStorages();
  }
}
