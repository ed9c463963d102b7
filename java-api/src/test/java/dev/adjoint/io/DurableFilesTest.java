package dev.adjoint.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.adjoint.DType;
import dev.adjoint.Device;
import dev.adjoint.Reference;
import dev.adjoint.Scope;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(Reference.class)
class DurableFilesTest {
  @TempDir Path folder;

  private static void write(Path file, String text) {
    DurableFiles.replace(
        "test",
        file,
        channel ->
            DurableFiles.writeFully(
                channel, ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8))));
  }

  private static String refusal(Path file) {
    return assertThrows(TensorException.class, () -> write(file, "new")).toString();
  }

  private Set<String> names() throws IOException {
    try (var files = Files.list(folder)) {
      return files.map(path -> path.getFileName().toString()).collect(Collectors.toSet());
    }
  }

  // ---- one file, many hands ----

  /** Two writers of one file and a reader: the reader sees what one of them wrote, whole. */
  @Test
  void readersSeeTheOldFileOrTheNewOne()
      throws IOException, InterruptedException, ExecutionException {
    Path file = folder.resolve("x.safetensors");
    int elements = 100_000;
    Safetensors.write(
        file,
        Map.of("w", Tensor.full(Shape.of(elements), 0, DType.F32, Device.REFERENCE)),
        Map.of());
    AtomicBoolean written = new AtomicBoolean();
    try (ExecutorService threads = Executors.newFixedThreadPool(3)) {
      Future<?> first = threads.submit(() -> writeOften(file, elements, 1));
      Future<?> second = threads.submit(() -> writeOften(file, elements, 2));
      Future<?> reader =
          threads.submit(
              (Callable<?>)
                  () -> {
                    do {
                      try (var _ = Scope.open()) {
                        Tensor w =
                            Objects.requireNonNull(
                                Safetensors.read(file, Device.REFERENCE).tensors().get("w"));
                        double value = w.get(0);
                        assertEquals(value * elements, w.sum().item());
                      }
                    } while (!written.get());
                    return null;
                  });
      try {
        first.get();
        second.get();
      } finally {
        written.set(true);
      }
      reader.get();
    }
    assertEquals(Set.of("x.safetensors"), names());
  }

  private static void writeOften(Path file, int elements, int value) {
    for (int i = 0; i < 40; i++) {
      try (var _ = Scope.open()) {
        Safetensors.write(
            file,
            Map.of("w", Tensor.full(Shape.of(elements), value, DType.F32, Device.REFERENCE)),
            Map.of());
      }
    }
  }

  @Test
  void aNeighbourOfTheUsersStays() throws IOException {
    Path own = Files.writeString(folder.resolve("x.tmp"), "own");
    Path elsewhere = Files.writeString(folder.resolve("elsewhere"), "own");
    Files.createSymbolicLink(folder.resolve("y.tmp"), elsewhere);
    write(folder.resolve("x"), "new");
    write(folder.resolve("y"), "new");
    assertEquals("own", Files.readString(own));
    assertEquals("own", Files.readString(elsewhere));
    assertEquals(Set.of("x", "x.tmp", "y", "y.tmp", "elsewhere"), names());
  }

  @Test
  void aFailureLeavesTheOldFileAndNoOther() throws IOException {
    Path file = Files.writeString(folder.resolve("x"), "old");
    assertThrows(
        StackOverflowError.class,
        () ->
            DurableFiles.replace(
                "test",
                file,
                channel -> {
                  DurableFiles.writeFully(channel, ByteBuffer.allocate(100));
                  throw new StackOverflowError("on purpose");
                }));
    assertEquals("old", Files.readString(file));
    assertEquals(Set.of("x"), names());
  }

  @Test
  void onlyOurLeftoversAreRemoved() throws IOException {
    Files.writeString(folder.resolve(".adjoint-0123456789abcdef.tmp"), "");
    Files.writeString(folder.resolve(".adjoint-notes.tmp"), "");
    Files.createDirectory(folder.resolve(".adjoint-0123456789abcde0.tmp"));
    DurableFiles.removeUnfinished(folder);
    assertEquals(Set.of(".adjoint-notes.tmp", ".adjoint-0123456789abcde0.tmp"), names());
  }

  // ---- what stands under the name ----

  @Test
  void theModeIsKept() throws IOException {
    Path file = Files.writeString(folder.resolve("x"), "old");
    for (String mode : new String[] {"rw-------", "rwxr-x--x", "rw-rw-rw-"}) {
      Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(mode));
      write(file, mode);
      assertEquals(mode, PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
      assertEquals(mode, Files.readString(file));
    }
  }

  @Test
  void theOwnerIsKeptWherePermitted() throws IOException {
    assumeTrue(
        Integer.valueOf(0).equals(Files.getAttribute(Path.of("/proc/self"), "unix:uid")),
        "only root may give files away");
    Path file = Files.writeString(folder.resolve("x"), "old");
    Files.setAttribute(file, "unix:uid", 12345);
    Files.setAttribute(file, "unix:gid", 54321);
    write(file, "new");
    assertEquals(12345, Files.getAttribute(file, "unix:uid"));
    assertEquals(54321, Files.getAttribute(file, "unix:gid"));
  }

  @Test
  void aWriteProtectedFileIsRefused() throws IOException {
    Path file = Files.writeString(folder.resolve("x"), "old");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("r--r--r--"));
    assumeTrue(!Files.isWritable(file), "root may write to every file");
    assertTrue(refusal(file).endsWith("x: it is write-protected"));
  }

  @Test
  void linksStayAndLeadToTheNewFile() throws IOException {
    Path elsewhere = Files.createDirectory(folder.resolve("elsewhere"));
    Path target = Files.writeString(elsewhere.resolve("target"), "old");
    Path link = Files.createSymbolicLink(folder.resolve("link"), Path.of("elsewhere/target"));
    Path second = Files.createSymbolicLink(folder.resolve("second"), link);
    write(second, "new");
    assertEquals("new", Files.readString(target));
    assertTrue(Files.isSymbolicLink(link) && Files.isSymbolicLink(second));
    Files.delete(target);
    write(second, "newer");
    assertEquals("newer", Files.readString(target));
    assertTrue(Files.isSymbolicLink(link) && Files.isSymbolicLink(second));
  }

  @Test
  void namesThatCannotBeFilesAreRefusedInWords() throws IOException, InterruptedException {
    assertTrue(refusal(folder).endsWith(": it is a folder, not a file"));
    Path circle = Files.createSymbolicLink(folder.resolve("circle"), Path.of("circle"));
    assertTrue(refusal(circle).endsWith(": its links lead in a circle"));
    assertTrue(
        refusal(folder.resolve("none").resolve("x"))
            .endsWith("the folder " + folder.resolve("none") + " does not exist"));
    assertTrue(
        refusal(folder.resolve("x".repeat(300)))
            .endsWith(": the name is too long for the file system"));
    Path file = Files.writeString(folder.resolve("file"), "");
    assertTrue(refusal(file.resolve("x")).endsWith(": a part of the path is a file, not a folder"));
    assertEquals(Set.of("circle", "file"), names());
  }

  @ParameterizedTest
  @ValueSource(strings = {"/dev/null", "/dev/full", "pipe"})
  void devicesAndPipesStayWhatTheyAre(String name) throws IOException, InterruptedException {
    Path device = folder.resolve(name);
    if (name.equals("pipe")) {
      try {
        new ProcessBuilder("mkfifo", device.toString()).start().waitFor();
      } catch (IOException e) {
        assumeTrue(false, "there is no mkfifo");
      }
    }
    assumeTrue(Files.exists(device), "there is no " + name);
    assertTrue(refusal(device).contains("it is a device, a pipe or a socket"));
    assertFalse(Files.isRegularFile(device));
    // Reading a pipe would wait for a writer.
    assertTrue(
        assertThrows(TensorException.class, () -> DurableFiles.readText("test", device, 1 << 20))
            .toString()
            .contains("it is a device, a pipe or a socket"));
  }

  // ---- reading ----

  @Test
  void failuresOfReadingAreInWords() throws IOException {
    Path file = folder.resolve("x");
    assertTrue(unreadable(folder).endsWith(": it is a folder, not a file"));
    assertTrue(unreadable(file).endsWith("x: there is no such file or folder"));
    Files.write(file, new byte[] {'a', (byte) 0xff});
    assertTrue(unreadable(file).endsWith("x: it is not text in UTF-8"));
    Files.write(file, new byte[200]);
    assertTrue(unreadable(file).endsWith("x: it has 200 bytes; at most 100 are read"));
  }

  private static String unreadable(Path file) {
    return assertThrows(TensorException.class, () -> DurableFiles.readText("test", file, 100))
        .toString();
  }

  @Test
  void aFileThatIsCutShortMeanwhileIsRefused() throws IOException {
    Path file = Files.write(folder.resolve("x"), new byte[3 << 20]);
    try (CheckedFile open = CheckedFile.open(file);
        Arena arena = Arena.ofConfined()) {
      open.read(arena.allocate(1 << 20));
      try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
        channel.truncate((1 << 20) + 5);
      }
      IOException e = assertThrows(IOException.class, () -> open.read(arena.allocate(2 << 20)));
      assertTrue(
          DurableFiles.failed("test", "read", file, e)
              .toString()
              .endsWith(
                  "x: it was cut short while it was read: 1048581 of its 3145728 bytes are there"));
    }
  }

  // ---- interruption ----

  /** An interrupted thread closes every channel that it uses; nobody would guess. */
  @Test
  void interruptedThreadsAreTold() {
    Path file = folder.resolve("x.safetensors");
    Map<String, Tensor> tensors = Map.of("w", Tensor.of(1f));
    Safetensors.write(file, tensors, Map.of());
    try (Checkpoints checkpoints = new Checkpoints(folder.resolve("run"));
        Checkpoints late = new Checkpoints(folder.resolve("late"))) {
      var state = new Checkpoints.Checkpoint(1, tensors, tensors, Map.of());
      checkpoints.save(state);
      assertInterrupted(() -> Safetensors.write(file, tensors, Map.of()));
      assertInterrupted(() -> Safetensors.read(file, Device.REFERENCE));
      assertInterrupted(() -> DurableFiles.readText("test", file, 1 << 20));
      assertInterrupted(() -> checkpoints.save(state));
      assertInterrupted(() -> checkpoints.latest(Device.REFERENCE));
      assertInterrupted(late::claim);
      assertEquals(1, checkpoints.latest(Device.REFERENCE).orElseThrow().step());
      checkpoints.save(state);
      late.claim();
    }
  }

  private static void assertInterrupted(Runnable action) {
    Thread.currentThread().interrupt();
    try {
      String message = assertThrows(TensorException.class, action::run).toString();
      assertTrue(message.contains("the thread was interrupted"), message);
    } finally {
      assertTrue(Thread.interrupted(), "the flag stays set");
    }
  }
}
