package dev.adjoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.autograd.Function;
import dev.adjoint.autograd.GradMode;
import java.io.IOException;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.ForkJoinTask;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Scopes and settings belong to a task, also where one worker runs a task within another. */
@ExtendWith(Reference.class)
class ForkJoinTest {
  private static <T> T inPool(Callable<T> task) throws InterruptedException, ExecutionException {
    try (ForkJoinPool pool = new ForkJoinPool(1)) { // so a task that is waited for runs in between
      return pool.submit(task).get();
    }
  }

  @Test
  void aTaskThatRunsWhileAnotherWaitsKeepsItsResult()
      throws InterruptedException, ExecutionException {
    Tensor made =
        inPool(
            () -> {
              try (var _ = Scope.open()) {
                Tensor own = Tensor.ones(1);
                ForkJoinTask<Tensor> other = ForkJoinTask.adapt(() -> Tensor.full(Shape.of(2), 7));
                Tensor result = other.fork().join();
                assertFalse(own.isClosed());
                return result;
              }
            });
    assertFalse(made.isClosed());
    Expect.values(made, 7, 7);
    made.close();
  }

  @Test
  void itDoesNotSeeTheSettingsOfTheOneThatWaits() throws InterruptedException, ExecutionException {
    List<Object> seen =
        inPool(
            () -> {
              try (var _ = GradMode.off();
                  var _ = Precision.BF16.use()) {
                ForkJoinTask<List<Object>> other =
                    ForkJoinTask.adapt(
                        () -> {
                          try (var _ = Precision.TF32.use();
                              var _ = Scope.open()) {
                            return List.of(
                                GradMode.isEnabled(),
                                Precision.current(),
                                Tensor.ones(1).requiresGrad_(true).mul(2).requiresGrad());
                          }
                        });
                List<Object> inside = other.fork().join();
                assertFalse(GradMode.isEnabled());
                assertEquals(Precision.BF16, Precision.current());
                return inside;
              }
            });
    assertEquals(List.of(true, Precision.TF32, true), seen);
  }

  /** Waits for another task in its backward pass, and so in the middle of an operation. */
  private static final class Waiting extends Function {
    private @Nullable Tensor madeByTheOther;

    @Override
    protected Result forward(List<Tensor> inputs) {
      return new Result(inputs.getFirst().mul(2), List.of());
    }

    @Override
    protected List<@Nullable Tensor> backward(Tensor grad, List<Tensor> saved) {
      ForkJoinTask<Tensor> other =
          ForkJoinTask.adapt(
              () -> {
                assertTrue(GradMode.isEnabled());
                return Tensor.full(Shape.of(2), 7);
              });
      madeByTheOther = other.fork().join();
      return List.of(grad.mul(2));
    }
  }

  @Test
  void aTaskThatRunsInTheMiddleOfBackwardKeepsItsResult()
      throws InterruptedException, ExecutionException {
    Waiting function = new Waiting();
    try (Tensor x = Tensor.ones(1).requiresGrad_(true)) {
      inPool(
          () -> {
            try (var _ = Scope.open()) {
              function.apply(x).sum().backward();
              return true;
            }
          });
      Expect.values(Objects.requireNonNull(x.grad()), 2);
    }
    Tensor made = Objects.requireNonNull(function.madeByTheOther);
    assertFalse(made.isClosed());
    Expect.values(made, 7, 7);
    made.close();
  }

  @Test
  void scopesNestWithinOneTask() throws InterruptedException, ExecutionException {
    assertTrue(
        inPool(
            () -> {
              Tensor x;
              Tensor y;
              try (Scope outer = Scope.open()) {
                try (Scope inner = Scope.open()) {
                  x = inner.keep(Tensor.ones(1));
                  y = Tensor.ones(1);
                }
                assertFalse(x.isClosed());
                assertTrue(y.isClosed());
                y = outer.keep(Tensor.ones(1));
              }
              y.close();
              return x.isClosed();
            }));
  }

  /** What the other JVM runs: a parallel stream whose workers record. */
  static final class Streaming {
    private Streaming() {}

    @SuppressWarnings("SystemOut")
    public static void main(String[] args) throws InterruptedException, ExecutionException {
      try (var _ = GradMode.off();
          Tensor w = Tensor.ones(1).requiresGrad_(true);
          ForkJoinPool pool = new ForkJoinPool(2)) {
        long recorded =
            pool.submit(() -> IntStream.range(0, 64).parallel().filter(i -> records(w)).count())
                .get();
        System.out.println("recorded " + recorded);
      }
    }

    private static boolean records(Tensor w) {
      try (Tensor y = w.mul(2)) {
        return y.requiresGrad();
      }
    }
  }

  @Test
  void workersOfAParallelStreamDoNotInheritTheModeWhichIsTold()
      throws IOException, InterruptedException {
    String output = ForkedJvm.output(Streaming.class);
    assertTrue(output.contains("recorded 64"), output);
    assertEquals(2, output.split("is inside GradMode.off", -1).length, output);
  }
}
