package dev.adjoint.autograd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.Expect;
import dev.adjoint.Reference;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(Reference.class)
class GradModeTest {
  @Test
  void modesNest() {
    Tensor x = Tensor.ones(1).requiresGrad_(true);
    try (var _ = GradMode.off()) {
      assertFalse(x.mul(2).requiresGrad());
      try (var _ = GradMode.on()) {
        assertTrue(x.mul(2).requiresGrad());
        try (var _ = GradMode.off()) {
          assertFalse(GradMode.isEnabled());
        }
        assertTrue(GradMode.isEnabled());
      }
      assertFalse(GradMode.isEnabled());
    }
    assertTrue(x.mul(2).requiresGrad());
  }

  @Test
  void anExceptionRestoresTheMode() {
    try (var _ = GradMode.off()) {
      throw new IllegalStateException("thrown on purpose");
    } catch (IllegalStateException e) {
      assertEquals("thrown on purpose", e.getMessage());
    }
    assertTrue(GradMode.isEnabled());
  }

  @Test
  void theModeBelongsToTheThread() throws InterruptedException {
    boolean[] enabled = {false};
    try (var _ = GradMode.off()) {
      Thread other = new Thread(() -> enabled[0] = GradMode.isEnabled());
      other.start();
      other.join();
    }
    assertTrue(enabled[0]);
  }

  @Test
  void aLeafMayBeMadeWhileOff() {
    try (var _ = GradMode.off()) {
      assertTrue(Tensor.ones(1).requiresGrad_(true).requiresGrad());
    }
  }

  @Test
  void backwardWorksWhileOffAndLeavesTheMode() {
    Tensor x = Tensor.ones(1).requiresGrad_(true);
    Tensor y = x.exp().sum();
    try (var _ = GradMode.off()) {
      y.backward(null, false, true);
      assertFalse(GradMode.isEnabled());
      x.zeroGrad();
    }
  }

  @Test
  void closingTwiceChangesNothing() {
    GradMode.Guard off = GradMode.off();
    off.close();
    try (var _ = GradMode.off()) {
      off.close();
      assertFalse(GradMode.isEnabled());
    }
    off.close();
    assertTrue(GradMode.isEnabled());
  }

  @Test
  void closingInAnotherOrderThrowsAndRestores() {
    GradMode.Guard outer = GradMode.off();
    GradMode.Guard inner = GradMode.off();
    Expect.failure(TensorException.class, outer::close, "gradMode", "inner guard was still open");
    assertTrue(GradMode.isEnabled());
    inner.close();
    assertTrue(GradMode.isEnabled());
  }

  @Test
  @SuppressWarnings("try") // another thread closes it too
  void aGuardBelongsToItsThread() throws InterruptedException {
    List<String> messages = new CopyOnWriteArrayList<>();
    List<Boolean> enabled = new CopyOnWriteArrayList<>();
    try (GradMode.Guard guard = GradMode.off()) {
      Thread other =
          new Thread(
              () -> {
                try {
                  guard.close();
                } catch (TensorException e) {
                  messages.add(String.valueOf(e.getMessage()));
                }
                enabled.add(GradMode.isEnabled());
              },
              "elsewhere");
      other.start();
      other.join();
      assertFalse(GradMode.isEnabled());
    }
    assertTrue(GradMode.isEnabled());
    assertEquals(List.of(true), enabled);
    assertEquals(1, messages.size());
    assertTrue(messages.getFirst().contains("'elsewhere'"), messages.toString());
  }
}
