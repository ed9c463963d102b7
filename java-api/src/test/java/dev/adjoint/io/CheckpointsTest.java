package dev.adjoint.io;

import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.Device;
import dev.adjoint.Reference;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import dev.adjoint.io.Checkpoints.Checkpoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(Reference.class)
class CheckpointsTest {
  @TempDir Path temporary;

  private Path folder() {
    return temporary.resolve("run");
  }

  private Path save(long step) {
    return new Checkpoints(folder())
        .save(
            new Checkpoint(
                step,
                Map.of("w", Tensor.of((float) step)),
                Map.of("0.step", Tensor.of((double) step)),
                Map.of("random", List.of(step, -1L), "note", "ä")));
  }

  private long latest() {
    Checkpoint checkpoint = new Checkpoints(folder()).latest(Device.REFERENCE).orElseThrow();
    assertEquals(checkpoint.step(), value(checkpoint.model(), "w"));
    assertEquals(checkpoint.step(), value(checkpoint.optimizer(), "0.step"));
    assertEquals(
        Map.of("random", List.of(checkpoint.step(), -1L), "note", "ä"), checkpoint.train());
    return checkpoint.step();
  }

  private static long value(Map<String, Tensor> tensors, String name) {
    return (long) requireNonNull(tensors.get(name)).item();
  }

  private Set<String> names() throws IOException {
    try (var files = Files.list(folder())) {
      return files.map(path -> path.getFileName().toString()).collect(Collectors.toSet());
    }
  }

  @Test
  void theLatestTwoAreKept() throws IOException {
    assertTrue(new Checkpoints(folder()).latest(Device.REFERENCE).isEmpty());
    for (long step : new long[] {100, 200, 300}) {
      assertEquals("step-000" + step, save(step).getFileName().toString());
      assertEquals(step, latest());
    }
    assertEquals(Set.of("step-000200", "step-000300", "LATEST"), names());
  }

  @Test
  void savingAStepAgainReplacesIt() throws IOException {
    save(100);
    Files.writeString(folder().resolve("step-000100").resolve("train.json"), "{");
    save(100);
    assertEquals(100, latest());
    assertEquals(Set.of("step-000100", "LATEST"), names());
  }

  @Test
  void laterStatesOfAnAbandonedRunGo() throws IOException {
    save(500);
    save(600);
    save(550);
    assertEquals(550, latest());
    assertEquals(Set.of("step-000500", "step-000550", "LATEST"), names());
  }

  @Test
  void leftoversAreNeitherReadNorKept() throws IOException {
    save(100);
    Files.createDirectory(folder().resolve("step-000200.tmp"));
    Files.writeString(folder().resolve("step-000200.tmp").resolve("model.safetensors"), "half");
    assertEquals(100, latest());
    save(300);
    assertEquals(Set.of("step-000100", "step-000300", "LATEST"), names());
  }

  @Test
  void withoutLatestTheHighestStepCounts() throws IOException {
    save(100);
    save(200);
    Files.writeString(folder().resolve("LATEST"), "step-000100\n");
    assertEquals(100, latest());
    for (String text : List.of("", "step-000900", "../run/step-000100", "step-000100.tmp")) {
      Files.writeString(folder().resolve("LATEST"), text);
      assertEquals(200, latest());
    }
    Files.delete(folder().resolve("LATEST"));
    assertEquals(200, latest());
  }

  @Test
  void aFailedSaveHarmsNothing() throws IOException {
    save(100);
    Tensor closed = Tensor.of(1f);
    closed.close();
    Checkpoint broken = new Checkpoint(200, Map.of("w", closed), Map.of(), Map.of());
    assertThrows(TensorException.class, () -> new Checkpoints(folder()).save(broken));
    assertEquals(100, latest());
    assertEquals(Set.of("step-000100", "LATEST"), names());
  }

  @Test
  void damageIsNamed() throws IOException {
    Path step = save(100);
    Files.writeString(step.resolve("train.json"), "[1]");
    assertTrue(failure().contains("train.json: no JSON object"));
    Files.delete(step.resolve("train.json"));
    assertTrue(failure().contains("train.json: there is no such file or folder"));
    Files.writeString(temporary.resolve("file"), "");
    Checkpoints below = new Checkpoints(temporary.resolve("file").resolve("run"));
    assertThrows(
        TensorException.class, () -> below.save(new Checkpoint(1, Map.of(), Map.of(), Map.of())));
    assertFalse(Files.exists(temporary.resolve("run.tmp")));
  }

  private String failure() {
    return assertThrows(
            TensorException.class, () -> new Checkpoints(folder()).latest(Device.REFERENCE))
        .toString();
  }
}
