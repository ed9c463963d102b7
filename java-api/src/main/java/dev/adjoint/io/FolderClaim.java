package dev.adjoint.io;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.HashSet;
import java.util.Objects;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The right to write into a folder, which one object on one machine has at a time: a lock of the
 * operating system on the file {@code LOCK}, which holds the number of the process. The system
 * takes the lock back when the process ends, however it ends; the file stays.
 */
final class FolderClaim {
  static final String FILE = "LOCK";

  private static final Pattern CONTENT = Pattern.compile("(\\d{0,19})\\s*");

  /**
   * How long to look for the number of the process that has the lock. It locks first and writes its
   * number then: until it has, the file is empty or holds the number of an earlier process.
   */
  private static final int PATIENCE_MILLIS = 1000;

  private static final int PAUSE_MILLIS = 10;

  /**
   * The lock files that this process has open. POSIX takes all locks on a file from a process that
   * closes it once, so no second channel may be opened on any of these.
   */
  private static final Set<Object> OPEN = new HashSet<>();

  private final Path file;
  private final Object key;
  private final FileChannel channel;

  private FolderClaim(Path file, Object key, FileChannel channel) {
    this.file = file;
    this.key = key;
    this.channel = channel;
  }

  /**
   * Claims a folder, which exists.
   *
   * @throws IOException saying whose it is, if it has been claimed
   */
  static FolderClaim of(Path folder) throws IOException {
    Path file = folder.toAbsolutePath().resolve(FILE);
    synchronized (OPEN) {
      Object key = key(file);
      if (key != null && OPEN.contains(key)) {
        throw taken(folder, ProcessHandle.current().pid() + ", this one");
      }
      FileChannel channel =
          FileChannel.open(
              file,
              StandardOpenOption.READ,
              StandardOpenOption.WRITE,
              StandardOpenOption.CREATE,
              LinkOption.NOFOLLOW_LINKS);
      boolean claimed = false;
      try {
        lock(folder, file, channel);
        key = Objects.requireNonNull(key(file), "the file was just opened");
        OPEN.add(key);
        claimed = true;
        return new FolderClaim(file, key, channel);
      } finally {
        if (!claimed) {
          channel.close();
        }
      }
    }
  }

  private static void lock(Path folder, Path file, FileChannel channel) throws IOException {
    String owner = lockOrOwner(folder, file, channel);
    long end = System.nanoTime() + PATIENCE_MILLIS * 1_000_000L;
    while (owner != null && !isRunning(owner) && System.nanoTime() < end && pause()) {
      owner = lockOrOwner(folder, file, channel);
    }
    if (owner != null) {
      throw taken(folder, owner.isEmpty() ? "unknown" : owner);
    }
    if (content(channel) == null) {
      throw new FileSystemException(
          file.toString(),
          null,
          "the file " + FILE + " in it is not one of this library; move it away");
    }
    byte[] pid = (ProcessHandle.current().pid() + "\n").getBytes(StandardCharsets.US_ASCII);
    channel.truncate(0);
    channel.write(ByteBuffer.wrap(pid), 0);
  }

  /** Locks the file; if another process has the lock, the number in the file, empty if none. */
  private static @Nullable String lockOrOwner(Path folder, Path file, FileChannel channel)
      throws IOException {
    try {
      return channel.tryLock() == null ? Objects.requireNonNullElse(content(channel), "") : null;
    } catch (OverlappingFileLockException e) {
      throw taken(folder, ProcessHandle.current().pid() + ", this one");
    } catch (IOException e) {
      throw new FileSystemException(
          file.toString(),
          null,
          "the file "
              + FILE
              + " in it cannot be locked ("
              + DurableFiles.reason(e)
              + "); without locks two runs would destroy each other: choose a folder on another file"
              + " system");
    }
  }

  /** The number that the file holds, empty if none; null if the file holds something else. */
  private static @Nullable String content(FileChannel channel) throws IOException {
    ByteBuffer content = ByteBuffer.allocate(32);
    channel.read(content, 0);
    var text = CONTENT.matcher(StandardCharsets.US_ASCII.decode(content.flip()));
    return text.matches() ? text.group(1) : null;
  }

  /** Whether a process of this number runs; not of one in another container. */
  private static boolean isRunning(String pid) {
    try {
      return ProcessHandle.of(Long.parseLong(pid)).isPresent();
    } catch (NumberFormatException e) {
      return false;
    }
  }

  /** Lets the other process go on; false if this thread was interrupted. */
  private static boolean pause() {
    try {
      Thread.sleep(PAUSE_MILLIS);
      return true;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  private static FileSystemException taken(Path folder, String pid) {
    return new FileSystemException(
        folder.toString(),
        null,
        "another run writes there (process "
            + pid
            + "); wait until it ends, or name another folder");
  }

  /** What tells files apart under any name; null if there is none. */
  private static @Nullable Object key(Path file) throws IOException {
    try {
      BasicFileAttributes found =
          Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
      if (!found.isRegularFile()) {
        throw new FileSystemException(
            file.toString(), null, FILE + " in it is not a regular file; move it away");
      }
      return Objects.requireNonNullElse(found.fileKey(), file);
    } catch (NoSuchFileException e) {
      return null;
    }
  }

  /** Whether it is still the folder's: someone may have removed the folder or the file. */
  boolean isValid() throws IOException {
    return channel.isOpen() && key.equals(key(file));
  }

  /** Gives the folder back. */
  void release() {
    synchronized (OPEN) {
      OPEN.remove(key);
      try (channel) {
        channel.truncate(0);
      } catch (IOException e) {
        // The number stays in the file, without a lock: it means nothing then.
      }
    }
  }
}
