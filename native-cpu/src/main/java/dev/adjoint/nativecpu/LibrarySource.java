package dev.adjoint.nativecpu;

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
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Where shared libraries come from: a folder that the user named, or the resources of this jar. */
sealed interface LibrarySource {
  /** Names a folder whose libraries are used, in place, instead of those in the jar. */
  String PATH_PROPERTY = "adjoint.native.path";

  /** What this machine is told to use. */
  static LibrarySource configured() {
    String folder = System.getProperty(PATH_PROPERTY, "");
    return folder.isEmpty()
        ? new InJar(
            "lib/" + Platform.resourceFolder(),
            LibrarySource.class::getResource,
            cacheFolder(System.getenv(), System.getProperty("user.home", "")))
        : new InFolder(Path.of(folder).toAbsolutePath());
  }

  /** The library's file, ready to load; null if there is none. */
  @Nullable Path find(String fileName) throws IOException;

  /** The place, for messages. */
  String place();

  /** Libraries in a folder, which must be as trustworthy as the program itself. */
  record InFolder(Path folder) implements LibrarySource {
    @Override
    public @Nullable Path find(String fileName) {
      Path file = folder.resolve(fileName);
      return Files.isRegularFile(file) ? file : null;
    }

    @Override
    public String place() {
      return "the folder " + folder + " (-D" + PATH_PROPERTY + ")";
    }
  }

  /**
   * Libraries in a jar. The dynamic linker needs files, so each is copied once to {@code
   * <cache>/<SHA-256 of the library>/<name>}: programs of different versions never disturb each
   * other. A library finds the base library, which is loaded first, by its soname.
   *
   * @param folder the resources' folder
   * @param resources finds a resource
   * @param cache belongs to this user alone; null or not usable: a temporary folder serves
   */
  record InJar(String folder, Function<String, @Nullable URL> resources, @Nullable Path cache)
      implements LibrarySource {
    private static final FileAttribute<Set<PosixFilePermission>> PRIVATE =
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));

    @Override
    public @Nullable Path find(String fileName) throws IOException {
      URL resource = resources.apply(folder + "/" + fileName);
      if (resource == null) {
        return null;
      }
      if (resource.getProtocol().equals("file")) {
        return Path.of(URI.create(resource.toString())); // classes in a folder, not in a jar
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
    static Path store(Path cache, String fileName, byte[] content) throws IOException {
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

    @Override
    public String place() {
      return "the resources " + getClass().getPackageName().replace('.', '/') + "/" + folder;
    }
  }

  /** {@code $XDG_CACHE_HOME/adjoint} or {@code ~/.cache/adjoint}; null where there is no home. */
  static @Nullable Path cacheFolder(Map<String, String> environment, String home) {
    Path xdg = Path.of(environment.getOrDefault("XDG_CACHE_HOME", ""));
    if (xdg.isAbsolute()) {
      return xdg.resolve("adjoint");
    }
    // Java says "?" for a user without an entry in the password file, as in many containers.
    Path folder = Path.of(home);
    return folder.isAbsolute() ? folder.resolve(".cache", "adjoint") : null;
  }
}
