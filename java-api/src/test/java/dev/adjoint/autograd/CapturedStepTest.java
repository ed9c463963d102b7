package dev.adjoint.autograd;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.Adjoint;
import dev.adjoint.DType;
import dev.adjoint.Device;
import dev.adjoint.Expect;
import dev.adjoint.Race;
import dev.adjoint.Reference;
import dev.adjoint.Scope;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import dev.adjoint.internal.Backends;
import dev.adjoint.internal.Recorder;
import dev.adjoint.spi.Replay;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.ForkJoinWorkerThread;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(Reference.class)
class CapturedStepTest {
  private static CapturedStep record(Supplier<List<Tensor>> body) {
    return CapturedStep.record(Device.REFERENCE, body);
  }

  private static long live() {
    return Adjoint.memory(Device.REFERENCE).liveBytes();
  }

  @Test
  void recordingIsTheFirstRunAndReplayReadsFreshInputs() {
    Tensor x = Tensor.of(new float[] {1, 2});
    try (CapturedStep step = record(() -> List.of(x.mul(2).add(1), x.sum()))) {
      Expect.values(step.output(0), 3, 5);
      assertTrue(step.size() >= 3);
      x.copy_(Tensor.of(new float[] {10, 20}));
      step.replay();
      Expect.values(step.output(0), 21, 41);
      Expect.values(step.output(1), 30);
    }
  }

  @Test
  void trainingStepsEqualEagerOnes() {
    float[] eager = train(false);
    assertArrayEquals(eager, train(true));
  }

  private static float[] train(boolean captured) {
    Adjoint.manualSeed(1);
    Tensor w = Tensor.randn(4, 3).requiresGrad_(true);
    Tensor x = Tensor.randn(5, 4);
    Tensor y = Tensor.of(new long[] {0, 1, 2, 1, 0});
    Supplier<List<Tensor>> body =
        () -> {
          w.zeroGrad();
          Tensor loss = x.matmul(w).dropout(0.3).crossEntropy(y);
          loss.backward();
          Tensor grad = w.grad();
          assertNotNull(grad);
          try (var _ = GradMode.off()) {
            w.sub_(grad.mul(0.5));
          }
          return List.of(loss);
        };
    Scope.run(() -> assertEquals(1, body.get().size())); // the first step is eager
    float[] losses = new float[4];
    if (captured) {
      try (CapturedStep step = record(body)) {
        for (int i = 0; i < losses.length; i++) {
          if (i > 0) {
            step.replay();
          }
          losses[i] = (float) step.output(0).item();
        }
      }
    } else {
      for (int i = 0; i < losses.length; i++) {
        int at = i;
        Scope.run(() -> losses[at] = (float) body.get().get(0).item());
      }
    }
    return losses;
  }

  @Test
  void refusals() {
    Tensor x = Tensor.ones(2);
    Expect.failure(
        TensorException.class,
        () -> record(() -> List.of(x.mul(x.sum().item()))),
        "reading a value",
        "being recorded",
        "outputs");
    Expect.failure(
        TensorException.class, () -> record(() -> List.of(Tensor.of(1f))), "Tensor.of", "recorded");
    Expect.failure(
        TensorException.class,
        () ->
            record(
                () -> {
                  x.toFloatArray();
                  return List.of();
                }),
        "reading values");
    Expect.failure(
        TensorException.class,
        () ->
            record(
                () -> {
                  Adjoint.generator(Device.REFERENCE).nextDouble();
                  return List.of();
                }),
        "generator");
    Expect.failure(
        TensorException.class,
        () -> record(() -> List.of(record(() -> List.of(x.mul(2))).output(0))),
        "capturedStep.record");
    Expect.values(x.add(1), 2, 2); // nothing is being recorded any more
  }

  @Test
  void printingWhileRecordingReadsNothing() {
    Tensor x = Tensor.ones(2);
    String[] text = new String[1];
    try (CapturedStep step =
        record(
            () -> {
              Tensor y = x.mul(2);
              text[0] = y.toString();
              return List.of(y);
            })) {
      assertEquals("tensor(recording, F32 [2])", text[0]);
      assertEquals("tensor([2., 2.])", step.output(0).toString());
    }
  }

  @Test
  void whatEscapesMustBeDeclared() {
    Tensor x = Tensor.ones(2);
    List<Tensor> smuggled = new ArrayList<>();
    Expect.failure(
        TensorException.class,
        () ->
            record(
                () -> {
                  smuggled.add(Scope.escape(x.mul(2)));
                  return List.of();
                }),
        "1 tensor(s)",
        "not outputs",
        "Optimizer.initializeState()");
    smuggled.forEach(Tensor::close);
  }

  @Test
  void anExceptionInTheBodyLeavesNothing() {
    Tensor x = Tensor.ones(2);
    long before = live();
    assertThrows(
        IllegalStateException.class,
        () ->
            record(
                () -> {
                  throw new IllegalStateException("thrown on purpose " + x.mul(2).rank());
                }));
    assertEquals(before, live());
  }

  @Test
  void aStepKeepsItsInputsAlive() {
    Tensor x = Tensor.of(new float[] {1, 2});
    try (CapturedStep step = record(() -> List.of(x.mul(3)))) {
      x.close();
      Tensor other = Tensor.zeros(2); // must not get x's memory
      step.replay();
      Expect.values(step.output(0), 3, 6);
      Expect.values(other, 0, 0);
    }
  }

  @Test
  void twoStepsAtOnce() {
    Tensor x = Tensor.of(new float[] {1, 2});
    CapturedStep first = record(() -> List.of(x.mul(2).mul(2)));
    CapturedStep second = record(() -> List.of(first.output(0).add(1).neg()));
    x.fill_(5);
    first.replay();
    second.replay();
    Expect.values(second.output(0), -21, -21);
    first.close();
    second.replay(); // holds the first one's output
    Expect.values(second.output(0), -21, -21);
    second.close();
  }

  @Test
  void gradientsOutliveTheStep() {
    Tensor w = Tensor.of(new float[] {1, 2}).requiresGrad_(true);
    CapturedStep step =
        record(
            () -> {
              w.zeroGrad();
              w.square().sum().backward();
              return List.of();
            });
    try (var _ = GradMode.off()) {
      w.fill_(4);
    }
    step.replay();
    step.close();
    Tensor.zeros(2); // would get the memory if it were free
    Expect.values(w.grad(), 8, 8);
  }

  @Test
  void aDroppedGradientStaysTheStepsMemory() {
    Tensor w = Tensor.of(new float[] {1, 2}).requiresGrad_(true);
    try (CapturedStep step =
        record(
            () -> {
              w.zeroGrad();
              w.square().sum().backward();
              return List.of();
            })) {
      w.zeroGrad();
      Tensor other = Tensor.zeros(2);
      step.replay();
      Expect.values(other, 0, 0);
    }
  }

  @Test
  void aReplayMakesSavedValuesStale() {
    Tensor x = Tensor.ones(2);
    Tensor w = Tensor.ones(2).requiresGrad_(true);
    try (CapturedStep step =
        record(
            () -> {
              x.add_(1);
              return List.of();
            })) {
      Tensor y = w.mul(x).sum();
      step.replay();
      Expect.failure(TensorException.class, y::backward, "changed in place");
    }
  }

  @Test
  void aClosedStepIsClosed() {
    long before = live();
    Tensor x = Tensor.full(Shape.of(2), 1, DType.F32, Device.REFERENCE);
    CapturedStep step = record(() -> List.of(x.mul(2)));
    Tensor output = step.output(0);
    step.close();
    step.close();
    assertTrue(output.isClosed());
    assertFalse(x.isClosed());
    Expect.failure(TensorException.class, step::replay, "capturedStep", "closed");
    x.close();
    assertEquals(before, live());
  }

  private static void refusesHelp(Supplier<List<Tensor>> body, String part) {
    Expect.failure(
        TensorException.class, () -> record(body), part, "do a step's work on one thread");
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** A task on a fork/join worker, as parallel streams have them; the caller waits for it. */
  private static <T> T onWorker(Callable<T> task) {
    try (ForkJoinPool pool = new ForkJoinPool(1)) {
      return pool.submit(task).join();
    }
  }

  @Test
  void otherThreadsCannotWorkForAStep() throws InterruptedException, ExecutionException {
    long before = live();
    Tensor x = Tensor.ones(2);
    Tensor mean = Tensor.ones(2);
    refusesHelp(
        () -> {
          Tensor own = x.mul(2);
          return List.of(onWorker(() -> own.add(1)));
        },
        "was born in a step");
    refusesHelp(
        () -> {
          Tensor own = x.mul(2);
          onWorker(own::toFloatArray);
          return List.of(own);
        },
        "was born in a step");
    refusesHelp(() -> List.of(onWorker(() -> x.mul(2)).add(1)), "another thread made");
    Assumptions.assumeTrue(ForkJoinPool.getCommonPoolParallelism() > 0);
    CountDownLatch helped = new CountDownLatch(1);
    Supplier<List<Tensor>> streaming =
        () -> {
          IntStream.range(0, 64)
              .parallel()
              .forEach(
                  i -> {
                    if (Thread.currentThread() instanceof ForkJoinWorkerThread) {
                      mean.mul_(0.9); // nothing of the step's own
                      helped.countDown();
                    } else {
                      await(helped);
                    }
                  });
          return List.of(x.mul(2));
        };
    // Not on the thread of the test, which may be a worker itself and do all of the work alone.
    try (ExecutorService plain = Executors.newSingleThreadExecutor()) {
      plain
          .submit(
              () -> refusesHelp(streaming, "ran kernels while the step was in a parallel stream"))
          .get();
    }
    Expect.values(x.add(1), 2, 2); // nothing is being recorded any more
    for (int i = 0; i < 100 && live() > before + 192; i++) { // x, mean, x + 1
      System.gc(); // what the workers made was born in no scope
      Thread.sleep(5);
    }
  }

  @Test
  void otherThreadsMayWorkOnTheirOwn() throws Exception {
    Tensor w = Tensor.ones(2);
    try (ForkJoinPool server = new ForkJoinPool(1);
        CapturedStep step =
            record(
                () -> {
                  CountDownLatch served = new CountDownLatch(1);
                  var answer =
                      server.submit(
                          () -> {
                            try (Tensor mine = w.mul(2);
                                Tensor sum = mine.sum()) {
                              return sum.item();
                            } finally {
                              served.countDown();
                            }
                          });
                  await(served);
                  assertEquals(4, answer.join());
                  return List.of(w.mul(3));
                })) {
      assertEquals(1, step.size());
      Expect.values(step.output(0), 3, 3);
    }
  }

  @Test
  void closingFreesAllThoughOnePartThrows() {
    long before = live();
    Recorder recorder = new Recorder(Backends.of(Device.REFERENCE));
    recorder.begin();
    Tensor.ones(1000).close();
    recorder.end();
    assertTrue(live() > before);
    Replay failing =
        new Replay() {
          @Override
          public void run() {}

          @Override
          public void close() {
            throw new IllegalStateException("thrown on purpose");
          }
        };
    Expect.failure(
        IllegalStateException.class, new CapturedStep.Held(recorder, failing)::run, "on purpose");
    assertEquals(before, live());
  }

  @Test
  void closingWaitsForAReplay() throws InterruptedException {
    Tensor x = Tensor.of(new float[] {1, 2});
    Race.run(
        new Race.Round() {
          private CapturedStep step = record(() -> List.of(x.mul(2)));

          @Override
          public void start() {
            step.close();
            step = record(() -> List.of(x.mul(2).add(1)));
          }

          @Override
          public void here() {
            try {
              step.replay();
            } catch (TensorException e) {
              Expect.failure(TensorException.class, step::replay, "is closed");
            }
          }

          @Override
          public void there() {
            step.close();
          }

          @Override
          public void check() {
            assertTrue(step.output(0).isClosed());
          }
        });
  }
}
