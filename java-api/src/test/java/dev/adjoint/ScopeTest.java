package dev.adjoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.internal.TensorState;
import dev.adjoint.internal.Tensors;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(Reference.class)
class ScopeTest {
  /** What another thread throws when it runs the code. */
  private static @Nullable Throwable elsewhere(Runnable code) throws InterruptedException {
    Throwable[] thrown = new Throwable[1];
    Thread thread =
        new Thread(
            () -> {
              try {
                code.run();
              } catch (RuntimeException e) {
                thrown[0] = e;
              }
            },
            "elsewhere");
    thread.start();
    thread.join();
    return thrown[0];
  }

  private static long live() {
    return Adjoint.memory(Device.REFERENCE).liveStorages();
  }

  @Test
  void theEndClosesWhatWasBornInside() {
    Tensor outside = Tensor.ones(1);
    Tensor inside;
    try (var _ = Scope.open()) {
      inside = outside.add(1);
      assertFalse(inside.isClosed());
    }
    assertTrue(inside.isClosed());
    assertFalse(outside.isClosed());
  }

  @Test
  void keepMovesOneScopeOut() {
    Tensor x;
    Tensor far;
    try (Scope outer = Scope.open()) {
      try (Scope inner = Scope.open()) {
        x = inner.keep(Tensor.ones(1));
        far = outer.keep(inner.keep(Tensor.ones(1)));
      }
      assertFalse(x.isClosed());
    }
    assertTrue(x.isClosed());
    assertFalse(far.isClosed());
  }

  @Test
  void aTensorFromElsewhereStaysWhereItIs() {
    Tensor x;
    try (var _ = Scope.open()) {
      x = Tensor.ones(1);
      try (Scope inner = Scope.open()) {
        inner.keep(x);
      }
      assertFalse(x.isClosed());
    }
    assertTrue(x.isClosed());
  }

  @Test
  void tidyKeepsTheResult() {
    long before = live();
    Tensor y = Scope.tidy(() -> Tensor.ones(3).add(1).mul(2));
    assertEquals(before + 1, live());
    Expect.values(y, 4, 4, 4);
    Tensor x = Tensor.ones(1);
    assertSame(x, Scope.tidy(() -> x));
    assertFalse(x.isClosed());
  }

  @Test
  void tidyKeepsAList() {
    List<Tensor> two =
        Scope.tidy(
            () -> {
              Tensor x = Tensor.ones(1);
              return List.of(x, x.add(1), x);
            });
    assertFalse(two.get(0).isClosed());
    Expect.values(two.get(1), 2);
  }

  private record Pair(Tensor first, @Nullable Object second, int number) {}

  @Test
  void tidyKeepsWhatTheResultHolds() {
    long before = live();
    Pair result =
        Scope.tidy(
            () -> {
              Tensor x = Tensor.ones(1).add(1); // 2; the ones are closed
              Tensor[] array = {x.add(1), null};
              Map<Object, Object> map = new LinkedHashMap<>();
              map.put("key", List.of(x.add(2), DType.F32, 0.5, new long[] {1}));
              map.put(x.add(3), Optional.of(array));
              return new Pair(x, new Pair(x.add(4), map, 1), 2);
            });
    assertEquals(before + 5, live());
    Expect.values(result.first(), 2);
    Pair inner = assertInstanceOf(Pair.class, result.second());
    Expect.values(inner.first(), 6);
    assertEquals(2, assertInstanceOf(Map.class, inner.second()).size());
  }

  @Test
  void tidyTakesPlainResults() {
    assertEquals(3, Scope.tidy(() -> Tensor.ones(3).sum().item()));
    assertEquals("[3]", Scope.tidy(() -> Tensor.ones(3).shape()).toString());
    assertNull(Scope.<@Nullable Tensor>tidy(() -> null));
  }

  /** A class that could hide tensors: they would be closed, and nobody would know why. */
  @Test
  void tidyRefusesWhatItCannotLookInto() {
    long before = live();
    Expect.failure(
        TensorException.class,
        () -> Scope.tidy(() -> List.of(Tensor.ones(1), new AtomicReference<>(Tensor.ones(2)))),
        "java.util.concurrent.atomic.AtomicReference",
        "records");
    Expect.failure(
        TensorException.class,
        () -> Scope.<Supplier<Tensor>>tidy(() -> Tensor.ones(1)::neg),
        "tensors cannot be found");
    assertEquals(before, live());
  }

  @Test
  void tidyTakesResultsOfAnyDepth() {
    Object chain =
        Scope.<Object>tidy(
            () -> {
              Object last = "";
              for (int i = 0; i < 100_000; i++) {
                last = new Pair(Tensor.ones(1), last, i);
                if (i > 0) {
                  ((Pair) last).first().close();
                }
              }
              return last;
            });
    assertInstanceOf(Pair.class, chain);
    List<Object> inItself = new ArrayList<>();
    inItself.add(inItself);
    inItself.add(Tensor.ones(1));
    assertSame(inItself, Scope.tidy(() -> inItself));
  }

  record Failing(Tensor tensor) {
    @Override
    public Tensor tensor() {
      throw new IllegalStateException("not yet");
    }
  }

  @Test
  void aRecordThatCannotBeReadIsRefused() {
    Expect.failure(
        TensorException.class, () -> Scope.tidy(() -> new Failing(Tensor.ones(1))), "not yet");
  }

  @Test
  void keepMovesTheTensorsInAResultOneScopeOut() {
    Pair pair;
    try (var _ = Scope.open()) {
      try (Scope inner = Scope.open()) {
        pair = inner.keep(new Pair(Tensor.ones(1), Tensor.ones(2), 0));
      }
      assertFalse(pair.first().isClosed());
      assertFalse(assertInstanceOf(Tensor.class, pair.second()).isClosed());
    }
    assertTrue(pair.first().isClosed());
  }

  @Test
  void anExceptionInsideTidyClosesEverything() {
    long before = live();
    assertThrows(
        ShapeMismatchException.class,
        () -> Scope.tidy(() -> Tensor.ones(2).add(Tensor.ones(2)).add(Tensor.ones(3))));
    assertEquals(before, live());
    Expect.values(Scope.tidy(() -> Tensor.ones(1)), 1);
  }

  @Test
  void whatEscapesIsItsOwners() {
    Tensor x;
    try (var _ = Scope.open()) {
      x = Scope.escape(Tensor.ones(1));
      assertSame(x, Scope.escape(x));
    }
    Expect.values(x, 1);
    x.close();
  }

  @Test
  void closingTwiceIsHarmless() {
    Tensor x = Tensor.ones(1);
    x.close();
    x.close();
    assertTrue(x.isClosed());
    Scope scope = Scope.open();
    scope.close();
    scope.close();
  }

  @Test
  void closingInTheMiddle() {
    try (var _ = Scope.open()) {
      Tensor a = Tensor.ones(1);
      Tensor b = Tensor.ones(1);
      Tensor c = Tensor.ones(1);
      b.close();
      assertFalse(a.isClosed() || c.isClosed());
      a.close();
      c.close();
      Expect.values(Tensor.ones(1), 1);
    }
  }

  @Test
  void aForgottenInnerScopeIsClosedAndReported() {
    Tensor around = Tensor.ones(1);
    Scope outer = Scope.open();
    Tensor first = Tensor.ones(1);
    Scope inner = Scope.open();
    Tensor second = Tensor.ones(1);
    Expect.failure(TensorException.class, outer::close, "scope", "inner scope was still open");
    assertTrue(first.isClosed() && second.isClosed());
    inner.close();
    outer.close();
    Expect.values(around.add(1), 2); // born in the surrounding scope
  }

  @Test
  void aScopeBelongsToItsThread() throws InterruptedException {
    try (Scope scope = Scope.open()) {
      Tensor x = Tensor.ones(1);
      Throwable thrown = elsewhere(scope::close);
      assertInstanceOf(TensorException.class, thrown);
      assertNotNull(thrown.getMessage());
      assertTrue(thrown.getMessage().contains("'elsewhere'"), thrown.getMessage());
      assertInstanceOf(TensorException.class, elsewhere(() -> scope.keep(x)));
      assertInstanceOf(TensorException.class, elsewhere(() -> Scope.escape(x)));
      assertFalse(x.isClosed());
    }
  }

  @Test
  void anotherThreadMayCloseATensorAndHasScopesOfItsOwn() throws InterruptedException {
    try (var _ = Scope.open()) {
      Tensor x = Tensor.ones(1);
      Tensor[] born = new Tensor[1];
      assertEquals(
          null,
          elsewhere(
              () -> {
                x.close();
                born[0] = Tensor.ones(1);
                born[0].close();
              }));
      assertTrue(x.isClosed());
    }
  }

  @Test
  void whatClosedTensorsSay() {
    Tensor x = Tensor.zeros(2, 3);
    x.close();
    assertEquals(Shape.of(2, 3), x.shape());
    Expect.failure(ClosedTensorException.class, () -> x.add(1), "F32 [2, 3]", "closed", "keep");
    Expect.failure(ClosedTensorException.class, () -> x.get(0, 0), "closed");
    Expect.failure(ClosedTensorException.class, x::toFloatArray, "closed");
    Expect.failure(ClosedTensorException.class, x::detach, "closed");
    Expect.failure(ClosedTensorException.class, x::t, "closed");
    Expect.failure(ClosedTensorException.class, () -> x.reshape(6), "closed");
    Expect.failure(ClosedTensorException.class, () -> x.fill_(1), "closed");
    Expect.failure(ClosedTensorException.class, () -> x.set(1, 0, 0), "closed");
    Expect.failure(ClosedTensorException.class, x::sum, "closed");
    Expect.failure(ClosedTensorException.class, x::contiguous, "closed");
    Expect.failure(ClosedTensorException.class, () -> Tensor.zeros(2, 3).add(x), "closed");
    Expect.failure(
        ClosedTensorException.class, () -> Tensor.cat(List.of(Tensor.zeros(2, 3), x), 0), "closed");
  }

  @Test
  void whatAnotherThreadClosesLeavesTheScope() throws InterruptedException {
    Tensor x = Tensor.ones(1);
    Tensor y = Tensor.ones(1);
    WeakReference<TensorState> state = new WeakReference<>(Tensors.state(x));
    assertNull(elsewhere(x::close));
    x = y;
    Tensor z = Tensor.ones(1); // the scope's thread is back in it
    for (int i = 0; i < 100 && !state.refersTo(null); i++) {
      System.gc();
      Thread.sleep(5);
    }
    assertTrue(state.refersTo(null));
    assertFalse(x.isClosed() || z.isClosed());
  }

  @Test
  void whatAnotherThreadHasClosedCanBeKept() throws InterruptedException {
    Tensor x;
    try (Scope inner = Scope.open()) {
      x = Tensor.ones(1);
      assertNull(elsewhere(x::close));
      assertSame(x, inner.keep(x));
      assertSame(x, Scope.escape(x));
    }
    assertTrue(x.isClosed());
  }
}
