package dev.adjoint.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TrainSettingsTest {
  @Test
  void settingsAreReadAsTheyWereWritten() {
    Map<String, Object> written = new TrainSettings().toJson();
    assertEquals(written, TrainSettings.fromJson(written).toJson());
  }

  /** A checkpoint may be anybody's. */
  @ParameterizedTest
  @ValueSource(strings = {"--layers", "--layers\n", "--none", "--layers\u202e"})
  void whatCannotBeReadIsQuotedAndBounded(String option) {
    Map<String, String> foreign = Map.of(option, "x\n".repeat(100_000));
    String message =
        Objects.requireNonNull(
            assertThrows(CommandException.class, () -> TrainSettings.fromJson(foreign))
                .getMessage());
    assertTrue(message.startsWith("the checkpoint's settings cannot be read: '"), message);
    assertTrue(message.length() < 250, message);
    assertTrue(message.chars().allMatch(c -> c >= ' ' && c != '\u202e'), message);
  }
}
