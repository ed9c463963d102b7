package dev.adjoint;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Runs each test on the reference device with a fixed seed, in a scope of its own, and fails it if
 * memory stays behind: a test closes what escapes its scope, modules and optimizers above all.
 */
public final class Reference implements BeforeEachCallback, AfterEachCallback {
  private @Nullable Scope scope;
  private long liveBefore;

  @Override
  public void beforeEach(ExtensionContext context) {
    Adjoint.setDefaultDevice(Device.REFERENCE);
    Adjoint.manualSeed(0);
    // The generator's own state is made with its first number and stays.
    Adjoint.generator(Device.REFERENCE).save();
    liveBefore = liveBytes();
    scope = Scope.open();
  }

  @Override
  public void afterEach(ExtensionContext context) {
    if (scope != null) {
      scope.close();
      scope = null;
    }
    if (context.getExecutionException().isEmpty()) {
      assertEquals(
          liveBefore, liveBytes(), () -> "live bytes: " + Adjoint.liveStorages(Device.REFERENCE));
    }
  }

  private static long liveBytes() {
    return Adjoint.memory(Device.REFERENCE).liveBytes();
  }
}
