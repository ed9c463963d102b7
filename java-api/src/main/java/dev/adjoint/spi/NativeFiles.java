package dev.adjoint.spi;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Shared libraries of jars as files, which the dynamic linker needs: each is copied once to {@code
 * <cache>/<SHA-256 of the library>/<name>}, so that programs of different versions never disturb
 * each other.
 */
public final class NativeFiles {
  private static final FileAttribute<Set<PosixFilePermission>> PRIVATE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));

  private NativeFiles() {}

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
    Path xdg = Path.of(environment.getOrDefault("XDG_CACHE_HOME", ""));
    if (xdg.isAbsolute()) {
      return xdg.resolve("adjoint");
    }
    // Java says "?" for a user without an entry in the password file, as in many containers.
    Path folder = Path.of(home);
    return folder.isAbsolute() ? folder.resolve(".cache", "adjoint") : null;
  }

  /**
   * A resource as a file: itself, where classes lie in a folder and not in a jar.
   *
   * @param fileName the name that the file gets
   * @param cache belongs to this user alone; null or not usable: a temporary folder serves
   */
  public static Path of(URL resource, String fileName, @Nullable Path cache) throws IOException {
    if (resource.getProtocol().equals("file")) {
      return Path.of(URI.create(resource.toString()));
    }
    byte[] content;
    try (InputStream in = resource.openStream()) {
      content = in.readAllBytes();
    }
    if (cache != null) {
      try {
        return store(cache, fileName, content);
      } catch (IOException e) {
        System.getLogger("dev.adjoint")
            .log(System.Logger.Level.DEBUG, "The cache " + cache + " cannot be used", e);
      }
    }
    Path temporary = Files.createTempDirectory("adjoint-", PRIVATE);
    temporary.toFile().deleteOnExit();
    Path file = Files.write(temporary.resolve(fileName), content);
    file.toFile().deleteOnExit();
    return file;
  }

  /** Puts a library into the cache, unless it is there, unchanged, already. */
  private static Path store(Path cache, String fileName, byte[] content) throws IOException {
    Files.createDirectories(cache, PRIVATE);
    requireOwn(cache);
    Path home = cache.resolve(sha256(content));
    Path file = home.resolve(fileName);
    if (!Files.isRegularFile(file) || !Arrays.equals(Files.readAllBytes(file), content)) {
      Files.createDirectories(home, PRIVATE);
      Path unfinished = Files.createTempFile(home, fileName, ".tmp");
      try {
        Files.write(unfinished, content);
        Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
      } finally {
        Files.deleteIfExists(unfinished);
      }
    }
    return file;
  }

  /** Whoever can write to the cache can run code as this user. */
  private static void requireOwn(Path cache) throws IOException {
    Object self = Files.getAttribute(Path.of("/proc/self"), "unix:uid");
    Map<String, Object> found = Files.readAttributes(cache, "unix:uid,permissions");
    if (!self.equals(found.get("uid"))) {
      throw new IOException(cache + " belongs to another user");
    }
    Files.setPosixFilePermissions(cache, PRIVATE.value());
  }

  private static String sha256(byte[] content) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e); // every Java platform has it
    }
  }
}
