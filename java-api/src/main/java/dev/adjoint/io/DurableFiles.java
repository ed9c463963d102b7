package dev.adjoint.io;

import dev.adjoint.TensorException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;

/** Files that are there completely or not at all, also after a crash. */
final class DurableFiles {
  /** Writes the content of a file. */
  @FunctionalInterface
  interface Content {
    void writeTo(FileChannel channel) throws IOException;
  }

  private DurableFiles() {}

  /**
   * Replaces a file: the content goes to a neighbour of another name, reaches the disk, and takes
   * the name then. If that fails, the neighbour is removed and the old file stays as it was.
   *
   * @throws TensorException with the reason, such as a full disk
   */
  static void replace(String op, Path file, Content content) {
    Path target = file.toAbsolutePath();
    Path neighbour = target.resolveSibling(target.getFileName() + ".tmp");
    try {
      try (FileChannel channel =
          FileChannel.open(
              neighbour,
              StandardOpenOption.WRITE,
              StandardOpenOption.CREATE,
              StandardOpenOption.TRUNCATE_EXISTING)) {
        content.writeTo(channel);
        channel.force(true);
      }
      rename(neighbour, target);
    } catch (IOException | RuntimeException e) {
      try {
        Files.deleteIfExists(neighbour);
      } catch (IOException cleanup) {
        e.addSuppressed(cleanup);
      }
      throw e instanceof IOException io ? failed(op, "write", file, io) : (RuntimeException) e;
    }
  }

  /** Renames within a folder, durably. */
  static void rename(Path from, Path to) throws IOException {
    Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
    Path folder = to.toAbsolutePath().getParent();
    if (folder != null) {
      syncFolder(folder);
    }
  }

  /** Makes names that came or went in a folder reach the disk. */
  static void syncFolder(Path folder) throws IOException {
    try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }

  /** Removes a folder of files, if it is there. */
  static void removeFolder(Path folder) throws IOException {
    if (Files.isDirectory(folder)) {
      for (Path file : list(folder)) {
        Files.deleteIfExists(file);
      }
      Files.deleteIfExists(folder);
    }
  }

  /** What is in a folder, in no particular order; nothing if there is no folder. */
  static List<Path> list(Path folder) throws IOException {
    try (var entries = Files.list(folder)) {
      return entries.toList();
    } catch (NoSuchFileException e) {
      return List.of();
    }
  }

  static void writeFully(FileChannel channel, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  /** {@code op: cannot verb path: reason}. */
  static TensorException failed(String op, String verb, Path file, IOException e) {
    String reason =
        e instanceof NoSuchFileException
            ? "there is no such file or folder"
            : e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    return new TensorException(op + ": cannot " + verb + " " + file + ": " + reason, e);
  }
}
