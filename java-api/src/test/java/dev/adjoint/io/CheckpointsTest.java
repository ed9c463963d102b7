package dev.adjoint.io;

import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.Adjoint;
import dev.adjoint.Device;
import dev.adjoint.ForkedJvm;
import dev.adjoint.Reference;
import dev.adjoint.Scope;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import dev.adjoint.io.Checkpoints.Checkpoint;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(Reference.class)
class CheckpointsTest {
  @TempDir Path temporary;

  private Path folder() {
    return temporary.resolve("run");
  }

  private Path save(long step) {
    try (Checkpoints checkpoints = new Checkpoints(folder())) {
      return checkpoints.save(checkpoint(step));
    }
  }

  private static Checkpoint checkpoint(long step) {
    return new Checkpoint(
        step,
        Map.of("w", Tensor.of((float) step)),
        Map.of("0.step", Tensor.of((double) step)),
        Map.of("random", List.of(step, -1L), "note", "ä"));
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

  /** Without the lock file, which stays. */
  private Set<String> names() throws IOException {
    try (var files = Files.list(folder())) {
      return files
          .map(path -> path.getFileName().toString())
          .filter(name -> !name.equals("LOCK"))
          .collect(Collectors.toSet());
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
    try (Checkpoints checkpoints = new Checkpoints(folder())) {
      assertThrows(TensorException.class, () -> checkpoints.save(broken));
    }
    assertEquals(100, latest());
    assertEquals(Set.of("step-000100", "LATEST"), names());
  }

  @Test
  void damageIsNamed() throws IOException {
    Path step = save(100);
    Files.delete(step.resolve("checksums.json"));
    Files.writeString(step.resolve("train.json"), "[1]");
    assertTrue(failure().contains("train.json: no JSON object"));
    Files.delete(step.resolve("train.json"));
    assertTrue(failure().contains("train.json: there is no such file or folder"));
    Files.writeString(temporary.resolve("file"), "");
    try (Checkpoints below = new Checkpoints(temporary.resolve("file").resolve("run"))) {
      String message =
          assertThrows(TensorException.class, () -> below.save(checkpoint(1))).toString();
      assertTrue(message.contains("a part of the path is a file, not a folder"), message);
    }
  }

  // ---- checksums ----

  @Test
  void statesOfEarlierVersionsHaveNoChecksums() throws IOException {
    Files.delete(save(100).resolve("checksums.json"));
    assertEquals(100, latest());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"model.safetensors", "optimizer.safetensors", "train.json", "checksums.json"})
  void everyFlippedBitIsNoticed(String name) throws IOException {
    Path file = save(100).resolve(name);
    byte[] whole = Files.readAllBytes(file);
    for (int at = 0; at < whole.length; at++) {
      byte[] damaged = whole.clone();
      damaged[at] ^= (byte) (1 << at % 8);
      Files.write(file, damaged);
      String message = failure();
      assertTrue(message.contains("step-000100"), message);
    }
    Files.write(file, whole);
    assertEquals(100, latest());
  }

  @Test
  void theStateToGoOnFromIsNamed() throws IOException {
    save(100);
    Path damaged = save(200);
    byte[] bytes = Files.readAllBytes(damaged.resolve("model.safetensors"));
    bytes[bytes.length - 1] ^= 1;
    Files.write(damaged.resolve("model.safetensors"), bytes);
    String message = failure();
    assertTrue(message.contains("model.safetensors: damaged: its checksum"), message);
    assertTrue(
        message.endsWith(
            folder().resolve("step-000100")
                + " is whole: to go on from it, move away "
                + folder().resolve("step-000200")),
        message);
    Files.move(damaged, temporary.resolve("away"));
    assertEquals(100, latest());
    Files.writeString(folder().resolve("step-000100").resolve("train.json"), "{}");
    assertFalse(failure().contains("is whole"));
  }

  // ---- one writer at a time ----

  @Test
  void aSecondWriterIsRefused() throws IOException {
    save(100);
    Path sameFolder = Files.createSymbolicLink(temporary.resolve("link"), folder());
    try (Checkpoints second = new Checkpoints(sameFolder)) {
      try (Checkpoints first = new Checkpoints(folder())) {
        first.claim();
        String message = assertThrows(TensorException.class, second::claim).toString();
        assertTrue(message.contains("process " + ProcessHandle.current().pid()), message);
        assertThrows(TensorException.class, () -> second.save(checkpoint(200)));
        assertEquals(100, second.latest(Device.REFERENCE).orElseThrow().step());
        first.save(checkpoint(200)); // the attempt has not taken the claim away
      }
      second.save(checkpoint(300));
      assertThrows(TensorException.class, () -> save(400));
    }
    assertEquals(Set.of("step-000200", "step-000300", "LATEST"), names());
  }

  /** Another process, which saves and waits to be killed. */
  static final class Holder {
    private Holder() {}

    public static void main(String[] args) throws InterruptedException {
      Adjoint.setDefaultDevice(Device.REFERENCE);
      try (var _ = Scope.open();
          Checkpoints checkpoints = new Checkpoints(Path.of(args[0]))) {
        checkpoints.save(checkpoint(100));
        System.out.println("saved");
        Thread.sleep(Long.MAX_VALUE);
      }
    }
  }

  @Test
  void anotherProcessIsRefusedWhileOneRuns() throws IOException, InterruptedException {
    Process process = ForkedJvm.start(List.of(), Holder.class, folder().toString());
    try {
      try (var reader = process.inputReader(StandardCharsets.UTF_8)) {
        String line = reader.readLine();
        while (line != null && !line.equals("saved")) {
          line = reader.readLine();
        }
        String message = assertThrows(TensorException.class, () -> save(200)).toString();
        assertTrue(message.contains("process " + process.pid() + ")"), message);
        assertEquals(100, latest());
      }
    } finally {
      process.destroyForcibly().waitFor();
    }
    save(200);
    assertEquals(200, latest());
  }

  /** Another process, which has locked a folder and writes its number a moment later. */
  static final class SlowHolder {
    private SlowHolder() {}

    public static void main(String[] args) throws IOException, InterruptedException {
      try (FileChannel channel = FileChannel.open(Path.of(args[0]), StandardOpenOption.WRITE)) {
        channel.lock();
        System.out.println("locked");
        Thread.sleep(Long.parseLong(args[1]));
        channel.truncate(0);
        channel.write(StandardCharsets.US_ASCII.encode(ProcessHandle.current().pid() + "\n"), 0);
        Thread.sleep(Long.MAX_VALUE);
      }
    }
  }

  /** Until then the file is empty, or an earlier process has left its number. */
  @ParameterizedTest
  @ValueSource(strings = {"", "9999999999\n"})
  void theOwnersNumberIsWaitedFor(String before) throws IOException, InterruptedException {
    String message = refusalWhileLocked(before, 200);
    assertTrue(message.contains("process PID)"), message);
  }

  @Test
  void anOwnerThatNeverSaysItsNumberIsRefusedAllTheSame() throws IOException, InterruptedException {
    String message = refusalWhileLocked("", Long.MAX_VALUE);
    assertTrue(message.contains("process unknown)"), message);
  }

  /** With "PID" for the number of the process that has the lock. */
  private String refusalWhileLocked(String content, long millis)
      throws IOException, InterruptedException {
    Files.createDirectory(folder());
    Path lock = Files.writeString(folder().resolve("LOCK"), content);
    String wait = Long.toString(millis);
    Process process = ForkedJvm.start(List.of(), SlowHolder.class, lock.toString(), wait);
    try (var reader = process.inputReader(StandardCharsets.UTF_8)) {
      assertEquals("locked", reader.readLine());
      String message = assertThrows(TensorException.class, () -> save(200)).toString();
      return message.replace("process " + process.pid(), "process PID");
    } finally {
      process.destroyForcibly().waitFor();
    }
  }

  @Test
  void aClaimOfARemovedFolderIsRenewed() throws IOException {
    try (Checkpoints checkpoints = new Checkpoints(folder());
        Checkpoints other = new Checkpoints(folder())) {
      checkpoints.save(checkpoint(100));
      Files.move(folder(), temporary.resolve("away"));
      checkpoints.save(checkpoint(200));
      assertThrows(TensorException.class, other::claim);
    }
    assertEquals(Set.of("step-000200", "LATEST"), names());
  }

  @Test
  void aLockFileOfTheUsersIsRefused() throws IOException {
    Files.createDirectory(folder());
    Path lock = Files.writeString(folder().resolve("LOCK"), "my own notes");
    assertThrows(TensorException.class, () -> save(100));
    assertEquals("my own notes", Files.readString(lock));
    Path notes = Files.move(lock, temporary.resolve("notes"));
    Files.createSymbolicLink(lock, notes);
    assertThrows(TensorException.class, () -> save(100));
    assertEquals("my own notes", Files.readString(notes));
    assertEquals(Set.of(), names());
  }

  /** The reader has no claim; the states it wants may be replaced or removed under its hands. */
  @Test
  void readingWhileAnotherSaves() throws InterruptedException, ExecutionException {
    save(1);
    try (ExecutorService thread = Executors.newSingleThreadExecutor();
        Checkpoints checkpoints = new Checkpoints(folder())) {
      Future<?> saves =
          thread.submit(
              () -> {
                for (int i = 0; i < 60; i++) {
                  try (var _ = Scope.open()) {
                    checkpoints.save(checkpoint(i / 2));
                  }
                }
              });
      do {
        latest();
      } while (!saves.isDone());
      saves.get();
    }
    assertEquals(29, latest());
  }

  // ---- what is not ours ----

  @Test
  void whatTheUserPutThereStays() throws IOException {
    Path precious = temporary.resolve("precious");
    Files.move(save(100), precious);
    Files.createSymbolicLink(folder().resolve("step-000100"), precious);
    Path notes = Files.writeString(save(200).resolve("notes.txt"), "own");
    Path ownFolder = Files.createDirectory(folder().resolve("step-by-step.tmp"));
    Files.writeString(ownFolder.resolve("model.safetensors"), "own");
    Files.createSymbolicLink(folder().resolve("step-000150.tmp"), precious);
    for (long step = 300; step <= 600; step += 100) {
      save(step);
      assertEquals(step, latest());
    }
    try (var files = Files.list(precious)) {
      assertEquals(4, files.count());
    }
    assertEquals("own", Files.readString(notes));
    assertEquals("own", Files.readString(ownFolder.resolve("model.safetensors")));
    assertEquals(
        Set.of(
            "step-000100",
            "step-000150.tmp",
            "step-000200",
            "step-000500",
            "step-000600",
            "step-by-step.tmp",
            "LATEST"),
        names());
    for (long step : new long[] {100, 200}) {
      String message = assertThrows(TensorException.class, () -> save(step)).toString();
      assertTrue(message.contains("move it away"), message);
    }
    assertEquals(600, latest());
  }

  @Test
  void aStateThatMadeWayForNothingComesBack() throws IOException {
    Path state = save(100);
    Files.move(state, folder().resolve("step-000100.0123456789abcdef.replaced.tmp"));
    try (Checkpoints checkpoints = new Checkpoints(folder())) {
      checkpoints.claim();
    }
    assertEquals(100, latest());
    assertEquals(Set.of("step-000100", "LATEST"), names());
  }

  @ParameterizedTest
  @ValueSource(longs = {-1, Long.MIN_VALUE, 1_000_000_000_000_000_000L})
  void stepsThatHaveNoNameAreRefused(long step) {
    assertThrows(TensorException.class, () -> save(step));
    assertFalse(Files.exists(folder()));
  }

  /** Their digits, or their i and I, are others. */
  @ParameterizedTest
  @ValueSource(strings = {"ar-EG", "fa-IR", "bn-BD", "ne-NP", "mr-IN", "my-MM", "tr-TR", "de-DE"})
  void namesDependOnNoLanguage(String language) throws IOException {
    Locale before = Locale.getDefault();
    Locale.setDefault(Locale.forLanguageTag(language));
    try {
      assertEquals("step-001234", save(1234).getFileName().toString());
      save(1235);
      save(1236);
      assertEquals(1236, latest());
      assertEquals(Set.of("step-001235", "step-001236", "LATEST"), names());
    } finally {
      Locale.setDefault(before);
    }
  }

  private String failure() {
    return assertThrows(
            TensorException.class, () -> new Checkpoints(folder()).latest(Device.REFERENCE))
        .toString();
  }
}
