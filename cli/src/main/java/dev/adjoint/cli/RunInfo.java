package dev.adjoint.cli;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a checkpoint's {@code train.json} says beside the trainer's own state.
 *
 * @param settings the options that the run was started with
 * @param vocabulary every character that the model knows
 * @param source where the text came from
 * @param hash of the text
 * @param device with its variant
 */
record RunInfo(
    TrainSettings settings, String vocabulary, String source, String hash, String device) {
  Map<String, Object> toJson() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("settings", settings.toJson());
    json.put("vocabulary", vocabulary);
    json.put("corpus", source);
    json.put("corpus_sha256", hash);
    json.put("device", device);
    return json;
  }

  static RunInfo fromJson(Map<String, @Nullable Object> json) {
    if (!(json.get("settings") instanceof Map<?, ?> settings)) {
      throw new CommandException("train.json: was not written by 'adjoint train': no settings");
    }
    return new RunInfo(
        TrainSettings.fromJson(settings),
        text(json, "vocabulary"),
        text(json, "corpus"),
        text(json, "corpus_sha256"),
        text(json, "device"));
  }

  private static String text(Map<String, @Nullable Object> json, String key) {
    if (json.get(key) instanceof String text) {
      return text;
    }
    throw new CommandException("train.json: was not written by 'adjoint train': no " + key);
  }
}
