package dev.adjoint.spi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.Expect;
import dev.adjoint.TensorException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

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
      assertEquals(7, Settings.count(NAME, 7, ""));
      assertEquals(7, Settings.size(NAME, () -> 7));
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

  @Test
  void countsAreAtLeastOne() {
    System.setProperty(NAME, "12");
    assertEquals(12, Settings.count(NAME, 7, ""));
    for (String value : List.of("none", "0", "-2", "1.5", " 2", "99999999999999999999")) {
      System.setProperty(NAME, value);
      refused(() -> Settings.count(NAME, 7, "1 or more"), "it must be 1 or more");
    }
  }

  @ParameterizedTest
  @CsvSource({
    "4g, 4294967296",
    "512M, 536870912",
    "64k, 65536",
    "1t, 1099511627776",
    "123, 123",
    "9999999999g, 9223372036854775807"
  })
  void sizesHaveUnits(String text, long bytes) {
    System.setProperty(NAME, text);
    assertEquals(bytes, Settings.size(NAME, () -> 7));
  }

  @ParameterizedTest
  @ValueSource(strings = {" ", "g", "0", "-1g", "4x", "1.5g"})
  void whatIsNoSizeIsRefused(String text) {
    System.setProperty(NAME, text);
    refused(() -> Settings.size(NAME, () -> 7), "=" + text + ";", "a size, written as 4g");
  }

  private static void refused(Runnable read, String... parts) {
    Expect.failure(TensorException.class, read::run, "-D" + NAME + "=");
    Expect.failure(TensorException.class, read::run, parts);
  }
}
