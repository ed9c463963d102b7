package dev.adjoint.spi;

import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Shared libraries of jars as files, which the dynamic linker needs: each is copied once to {@code
 * <folder>/<SHA-256 of the library>/<name>}, so that programs of different versions never disturb
 * each other.
 *
 * <p>Whoever can change such a file, or exchange a folder above it, can run code as this user. So a
 * folder is used only if it and all above it belong to this user or to root, and no other user may
 * write to them; as in {@code /tmp}, the sticky bit makes up for that.
 */
public final class NativeFiles {
  private static final FileAttribute<Set<PosixFilePermission>> PRIVATE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));

  // Bits of a file's mode.
  private static final int OTHERS_WRITE = 0022;
  private static final int STICKY = 01000;

  private NativeFiles() {}

  /** Where libraries may go, the best place first: the cache and the temporary folder. */
  public static List<Path> folders() throws IOException {
    List<Path> folders = new ArrayList<>();
    Path cache = cacheFolder();
    if (cache != null) {
      folders.add(cache);
    }
    folders.add(Path.of(System.getProperty("java.io.tmpdir", "/tmp"), "adjoint-" + self()));
    return folders;
  }

  /** This user's cache: {@link #cacheFolder(Map, String)} of this process. */
  public static @Nullable Path cacheFolder() {
    return cacheFolder(System.getenv(), System.getProperty("user.home", ""));
  }

  /**
   * {@code $XDG_CACHE_HOME/adjoint} or {@code ~/.cache/adjoint}; null where there is no home.
   *
   * @param environment the environment's variables
   * @param home the user's home folder
   */
  public static @Nullable Path cacheFolder(Map<String, String> environment, String home) {
    Path xdg = absolute(environment.getOrDefault("XDG_CACHE_HOME", ""));
    if (xdg != null) {
      return xdg.resolve("adjoint");
    }
    Path folder = absolute(home);
    return folder == null ? null : folder.resolve(".cache", "adjoint");
  }

  /**
   * An absolute path, or null: Java says "?" for a user without an entry in the password file, as
   * in many containers, and has no path for letters beyond ASCII under LC_ALL=C.
   */
  private static @Nullable Path absolute(String name) {
    try {
      Path path = Path.of(name);
      return path.isAbsolute() ? path : null;
    } catch (InvalidPathException e) {
      return null;
    }
  }

  /**
   * A resource as a file: itself, where classes lie in a folder and not in a jar; else a copy in
   * the first of these folders that is safe and that libraries can be loaded from.
   *
   * @param fileName the name that the file gets
   * @param folders where it may go, such as {@link #folders()}
   * @throws IOException if there is no such folder; says what is wrong with each
   */
  public static Path of(URL resource, String fileName, List<Path> folders) throws IOException {
    if (resource.getProtocol().equals("file")) {
      return Path.of(URI.create(resource.toString()));
    }
    byte[] content;
    try (InputStream in = resource.openStream()) {
      content = in.readAllBytes();
    }
    List<String> reasons = new ArrayList<>();
    for (Path folder : folders) {
      try {
        return store(folder, fileName, content);
      } catch (IOException e) {
        reasons.add("not in " + folder + ": " + e.getMessage());
      }
    }
    throw new IOException(
        reasons.isEmpty() ? "there is no home folder" : String.join("; ", reasons));
  }

  /**
   * The bytes of a file. Unlike {@link Files#readAllBytes} this works in an interrupted thread,
   * which stays interrupted.
   */
  public static byte[] readAllBytes(Path file) throws IOException {
    try (InputStream in = new FileInputStream(file.toFile())) {
      return in.readAllBytes();
    }
  }

  /** Puts a library into a folder, unless it is there, unchanged, already. */
  private static Path store(Path folder, String fileName, byte[] content) throws IOException {
    Files.createDirectories(folder, PRIVATE);
    // Links are followed now; what follows concerns the folders that this led to.
    Path real = folder.toRealPath();
    makePrivate(real);
    requireSafe(real);
    Path home = real.resolve(sha256(content));
    Files.createDirectories(home, PRIVATE);
    makePrivate(home);
    Path file = home.resolve(fileName);
    if (!isWhole(file, content)) {
      Path unfinished = Files.createTempFile(home, fileName, ".tmp", PRIVATE);
      try {
        try (OutputStream out = new FileOutputStream(unfinished.toFile())) {
          out.write(content);
        }
        Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
      } finally {
        Files.deleteIfExists(unfinished);
      }
    }
    // The owner may execute it, so what remains is an option of the mount.
    if (!Files.isExecutable(file)) {
      throw new IOException("its file system is mounted with the option noexec");
    }
    return file;
  }

  private static boolean isWhole(Path file, byte[] content) throws IOException {
    if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
      return false;
    }
    Object owner = Files.getAttribute(file, "unix:uid", LinkOption.NOFOLLOW_LINKS);
    return owner.equals(self())
        && Files.getPosixFilePermissions(file).equals(PRIVATE.value())
        && Arrays.equals(readAllBytes(file), content);
  }

  private static void makePrivate(Path folder) throws IOException {
    if (!self().equals(Files.getAttribute(folder, "unix:uid", LinkOption.NOFOLLOW_LINKS))) {
      throw new IOException(folder + " belongs to another user");
    }
    Files.setPosixFilePermissions(folder, PRIVATE.value());
  }

  private static void requireSafe(Path folder) throws IOException {
    for (Path f = folder; f != null; f = f.getParent()) {
      Object owner = Files.getAttribute(f, "unix:uid", LinkOption.NOFOLLOW_LINKS);
      if (!self().equals(owner) && !owner.equals(0)) {
        throw new IOException("the folder " + f + " belongs to another user");
      }
      int mode = (int) Files.getAttribute(f, "unix:mode", LinkOption.NOFOLLOW_LINKS);
      if ((mode & OTHERS_WRITE) != 0 && (mode & STICKY) == 0) {
        throw new IOException("other users may write to the folder " + f);
      }
    }
  }

  /** This process's user, a number. */
  private static Object self() throws IOException {
    return Files.getAttribute(Path.of("/proc/self"), "unix:uid");
  }

  private static String sha256(byte[] content) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e); // every Java platform has it
    }
  }
}
