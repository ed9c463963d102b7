package dev.adjoint.io;

import dev.adjoint.TensorException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLockInterruptionException;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Files that are there completely or not at all, also after a crash; and words for what can go
 * wrong with files.
 */
public final class DurableFiles {
  /** Writes the content of a file. */
  @FunctionalInterface
  public interface Content {
    /** Writes all of it, in order. */
    void writeTo(WritableByteChannel channel) throws IOException;
  }

  private static final Pattern UNFINISHED = Pattern.compile("\\.adjoint-[0-9a-f]{16}\\.tmp");
  private static final int MOST_LINKS = 40; // as Linux follows

  private static final FileAttribute<?> PRIVATE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

  /** What the JDK adds to the system's message on links. */
  private static final String JDK_ON_LINKS = " or unable to access attributes of symbolic link";

  /** What Linux says, in words that say more. */
  private static final Map<String, String> SYSTEM_WORDS =
      Map.ofEntries(
          Map.entry("Is a directory", "it is a folder, not a file"),
          Map.entry("Not a directory", "a part of the path is a file, not a folder"),
          Map.entry("No space left on device", "the disk is full"),
          Map.entry("Disk quota exceeded", "the disk quota is used up"),
          Map.entry("File too large", "the file system or a limit allows no file of this size"),
          Map.entry("File name too long", "the name is too long for the file system"),
          Map.entry("Too many levels of symbolic links", "its links lead in a circle"),
          Map.entry("Read-only file system", "the file system is read-only"),
          Map.entry("Operation not permitted", "the system does not permit it"),
          Map.entry("Too many open files", "this process has too many files open"),
          Map.entry("Input/output error", "the disk reports an error"));

  private DurableFiles() {}

  // ---- writing ----

  /**
   * Replaces a file, or makes it: the content goes to a new file beside it, reaches the disk, and
   * takes the name then. Who reads meanwhile sees the old file or the new one, whole. An existing
   * file keeps its mode, and its owner and group where the system permits. A link stays one: what
   * it leads to is replaced.
   *
   * @param op begins the message of an exception
   * @throws TensorException with the reason, such as a full disk, a write-protected file, or a name
   *     that stands for a folder, a device or a pipe; the old file is unharmed then
   */
  public static void replace(String op, Path file, Content content) {
    try {
      Path target = target(file);
      Path neighbour = target.resolveSibling(".adjoint-" + randomDigits() + ".tmp");
      PosixFileAttributes old = Files.exists(target) ? posix(target).readAttributes() : null;
      try (FileChannel channel = create(neighbour, old)) {
        boolean complete = false;
        try {
          content.writeTo(channel);
          if (old != null) {
            adopt(neighbour, old);
          }
          channel.force(true);
          rename(neighbour, target);
          complete = true;
        } finally {
          if (!complete) {
            Files.deleteIfExists(neighbour);
          }
        }
      }
    } catch (IOException e) {
      throw failed(op, "write", file, e);
    }
  }

  /** Where the bytes go that are written to a name: through links, and only to a regular file. */
  private static Path target(Path file) throws IOException {
    Path path = file.toAbsolutePath();
    BasicFileAttributes found;
    try {
      found = Files.readAttributes(path, BasicFileAttributes.class);
    } catch (NoSuchFileException e) {
      return newTarget(path);
    }
    requireRegular(path, found);
    Path target = path.toRealPath();
    if (!Files.isWritable(target)) {
      throw new FileSystemException(target.toString(), null, "it is write-protected");
    }
    return target;
  }

  /** Of a name without a file: the name itself, or what a link without a file leads to. */
  private static Path newTarget(Path path) throws IOException {
    Path target = path;
    for (int links = 0; Files.isSymbolicLink(target); links++) {
      if (links == MOST_LINKS) {
        throw new FileSystemLoopException(path.toString());
      }
      target = target.resolveSibling(Files.readSymbolicLink(target));
    }
    Path folder = target.getParent();
    if (folder != null && !Files.exists(folder)) {
      throw new FileSystemException(
          target.toString(), null, "the folder " + folder + " does not exist");
    }
    return target;
  }

  private static void requireRegular(Path file, BasicFileAttributes found)
      throws FileSystemException {
    if (!found.isRegularFile()) {
      throw new FileSystemException(
          file.toString(),
          null,
          found.isDirectory()
              ? "Is a directory"
              : "it is a device, a pipe or a socket; name a regular file");
    }
  }

  /** A new file, which nobody else may read before it has the mode of the old one. */
  private static FileChannel create(Path file, @Nullable PosixFileAttributes old)
      throws IOException {
    Set<StandardOpenOption> options =
        Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    return old == null ? FileChannel.open(file, options) : FileChannel.open(file, options, PRIVATE);
  }

  private static void adopt(Path file, PosixFileAttributes old) throws IOException {
    PosixFileAttributeView view = posix(file);
    PosixFileAttributes now = view.readAttributes();
    Set<PosixFilePermission> permissions = new HashSet<>(old.permissions());
    if (!now.group().equals(old.group())) {
      try {
        view.setGroup(old.group());
      } catch (FileSystemException e) {
        // What the old group was allowed is nothing for another one.
        permissions.removeIf(permission -> permission.name().startsWith("GROUP_"));
      }
    }
    if (!now.owner().equals(old.owner())) {
      try {
        view.setOwner(old.owner());
      } catch (FileSystemException e) {
        // Only root may give files away; the file is this user's then.
      }
    }
    view.setPermissions(permissions);
  }

  private static PosixFileAttributeView posix(Path file) {
    return Files.getFileAttributeView(file, PosixFileAttributeView.class);
  }

  /** Makes a file that is not there yet, without the care for those who look on meanwhile. */
  static void create(Path file, Content content) throws IOException {
    try (FileChannel channel = create(file, (PosixFileAttributes) null)) {
      content.writeTo(channel);
      channel.force(true);
    }
  }

  /** Removes what a killed process left of a {@link #replace} in a folder. */
  static void removeUnfinished(Path folder) throws IOException {
    for (Path path : list(folder)) {
      if (UNFINISHED.matcher(path.getFileName().toString()).matches()
          && Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS)) {
        Files.deleteIfExists(path);
      }
    }
  }

  /** Sixteen digits that nobody else has. */
  static String randomDigits() {
    return HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextLong());
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

  static void writeFully(WritableByteChannel channel, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  // ---- reading ----

  /** Opens a regular file, and nothing that reading could wait for. */
  static FileChannel open(Path file) throws IOException {
    requireRegular(file, Files.readAttributes(file, BasicFileAttributes.class));
    return FileChannel.open(file, StandardOpenOption.READ);
  }

  /**
   * The text of a regular file in UTF-8.
   *
   * @param op begins the message of an exception
   * @param maxBytes of a larger file nothing is read
   * @throws TensorException with the reason
   */
  public static String readText(String op, Path file, int maxBytes) {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(read(file, maxBytes)).toString();
    } catch (IOException e) {
      throw failed(op, "read", file, e);
    }
  }

  static ByteBuffer read(Path file, int maxBytes) throws IOException {
    try (FileChannel channel = open(file)) {
      long size = channel.size();
      if (size > maxBytes) {
        throw new FileSystemException(
            file.toString(), null, "it has " + size + " bytes; at most " + maxBytes + " are read");
      }
      ByteBuffer bytes = ByteBuffer.allocate((int) size);
      while (bytes.hasRemaining() && channel.read(bytes) >= 0) {}
      return bytes.flip();
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

  // ---- words ----

  /** {@code op: cannot verb path: reason}, the reason in words. */
  public static TensorException failed(String op, String verb, Path file, IOException e) {
    return new TensorException(op + ": cannot " + verb + " " + file + ": " + reason(e), e);
  }

  /** Why something failed with a file; without the file's name, which the exceptions repeat. */
  public static String reason(IOException e) {
    return switch (e) {
      case ClosedByInterruptException _ -> interrupted();
      case FileLockInterruptionException _ -> interrupted();
      case CharacterCodingException _ -> "it is not text in UTF-8";
      case NoSuchFileException _ -> "there is no such file or folder";
      case AccessDeniedException _ -> "permission denied";
      case NotDirectoryException _ -> system("Not a directory");
      case DirectoryNotEmptyException _ -> "the folder is not empty";
      case FileAlreadyExistsException _ -> "there is something of this name already";
      case FileSystemLoopException _ -> system("Too many levels of symbolic links");
      case AtomicMoveNotSupportedException _ -> "the file system cannot rename in one step";
      case FileSystemException known when known.getReason() != null -> system(known.getReason());
      default -> e.getMessage() == null ? e.getClass().getSimpleName() : system(e.getMessage());
    };
  }

  private static String interrupted() {
    return "the thread was interrupted, which closes the files it works on; clear that with"
        + " Thread.interrupted() and try again";
  }

  private static String system(String reason) {
    return SYSTEM_WORDS.getOrDefault(reason.replace(JDK_ON_LINKS, ""), reason);
  }
}
