package dev.adjoint.spi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.Expect;
import dev.adjoint.TensorException;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SettingsTest {
  private static final String NAME = "adjoint.test.setting";

  @AfterEach
  void unset() {
    System.clearProperty(NAME);
  }

  @Test
  void unsetAndEmptyAreTheSame() {
    for (int i = 0; i < 2; i++) {
      assertEquals("", Settings.text(NAME));
      assertFalse(Settings.flag(NAME));
      assertEquals("off", Settings.choice(NAME, "off", "trace"));
      assertNull(Settings.path(NAME));
      assertNull(Settings.folder(NAME));
      System.setProperty(NAME, "");
    }
  }

  @Test
  void whatIsAllowed(@TempDir Path folder) {
    System.setProperty(NAME, "true");
    assertTrue(Settings.flag(NAME));
    assertEquals("true", Settings.choice(NAME, "off", "trace", "true"));
    System.setProperty(NAME, "off");
    assertEquals("off", Settings.choice(NAME, "off", "trace"));
    System.setProperty(NAME, folder.toString());
    assertEquals(folder, Settings.folder(NAME));
  }

  @Test
  void whatIsNotIsToldWithWhatIs() {
    System.setProperty(NAME, "maybe");
    refused(() -> Settings.flag(NAME), "it must be false or true");
    refused(() -> Settings.choice(NAME, "off", "trace"), "it must be off or trace");
    refused(() -> Settings.folder(NAME), "a folder that is there");
    System.setProperty(NAME, "\0");
    refused(() -> Settings.path(NAME), "a path");
  }

  private static void refused(Runnable read, String allowed) {
    Expect.failure(TensorException.class, read::run, "-D" + NAME + "=", allowed);
  }
}
