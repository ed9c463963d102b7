package dev.adjoint.nativecpu;

import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.nativecpu.LibrarySource.InJar;
import dev.adjoint.spi.NativeFiles;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LibrarySourceTest {
  private static final byte[] CONTENT = "a library".getBytes(StandardCharsets.US_ASCII);

  @TempDir Path folder;
  private Path cache;

  @BeforeEach
  void setUp() {
    cache = folder.resolve("cache/adjoint");
  }

  private Path find(@Nullable Path cache) throws IOException {
    return requireNonNull(jar(cache).find("x.so"));
  }

  private InJar jar(@Nullable Path cache) throws IOException {
    return jar(cache, "test.jar", CONTENT);
  }

  private InJar jar(@Nullable Path cache, String name, byte[] content) throws IOException {
    Path file = folder.resolve(name);
    try (OutputStream out = Files.newOutputStream(file);
        ZipOutputStream zip = new ZipOutputStream(out)) {
      zip.putNextEntry(new ZipEntry("lib/x.so"));
      zip.write(content);
      zip.closeEntry();
    }
    return new InJar("lib", entry -> entry.equals("lib/x.so") ? inside(file, entry) : null, cache);
  }

  private static URL inside(Path jar, String name) {
    try {
      return URI.create("jar:" + jar.toUri() + "!/" + name).toURL();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void copiesIntoAPrivateFolderOnce() throws IOException {
    Path first = find(cache);
    assertArrayEquals(CONTENT, Files.readAllBytes(first));
    assertEquals(cache.getNameCount() + 2, first.getNameCount());
    assertTrue(first.startsWith(cache));
    assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(cache)));
    Object inode = Files.getAttribute(first, "unix:ino");
    Path second = find(cache);
    assertEquals(first, second);
    assertEquals(inode, Files.getAttribute(second, "unix:ino"), "not written again");
  }

  @Test
  void replacesWhatIsDamaged() throws IOException {
    Path file = find(cache);
    Files.writeString(file, "a libr");
    assertArrayEquals(CONTENT, Files.readAllBytes(find(cache)));
    try (var files = Files.list(file.resolveSibling("."))) {
      assertEquals(1, files.count(), "nothing unfinished stays");
    }
  }

  @Test
  void closesAFolderThatOthersMayWriteTo() throws IOException {
    Files.createDirectories(cache);
    Files.setPosixFilePermissions(cache, PosixFilePermissions.fromString("rwxrwxrwx"));
    find(cache);
    assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(cache)));
  }

  @Test
  void twoContentsDoNotMeet() throws IOException {
    byte[] other = "another".getBytes(StandardCharsets.US_ASCII);
    Path first = find(cache);
    Path second = requireNonNull(jar(cache, "other.jar", other).find("x.so"));
    assertNotEquals(first, second);
    assertArrayEquals(CONTENT, Files.readAllBytes(first));
    assertArrayEquals(other, Files.readAllBytes(second));
  }

  @Test
  void usesATemporaryFolderWithoutACache() throws IOException {
    Path blocked = Files.writeString(folder.resolve("file"), "").resolve("adjoint");
    for (Path unusable : Arrays.asList(null, blocked)) {
      Path file = find(unusable);
      assertArrayEquals(CONTENT, Files.readAllBytes(file));
    }
  }

  @Test
  void usesClassesInAFolderInPlace() throws IOException {
    Path file = Files.write(folder.resolve("x.so"), CONTENT);
    InJar source = new InJar("lib", name -> url(file), cache);
    assertEquals(file, source.find("x.so"));
    assertTrue(Files.notExists(cache));
  }

  private static URL url(Path file) {
    try {
      return file.toUri().toURL();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void saysWhenThereIsNone() throws IOException {
    assertNull(jar(cache).find("y.so"));
    assertNull(new LibrarySource.InFolder(folder).find("y.so"));
  }

  @Test
  void findsTheCacheFolder() {
    Map<String, String> xdg = Map.of("XDG_CACHE_HOME", "/caches");
    assertEquals(Path.of("/caches/adjoint"), NativeFiles.cacheFolder(xdg, "/home/me"));
    assertEquals(Path.of("/home/me/.cache/adjoint"), NativeFiles.cacheFolder(Map.of(), "/home/me"));
    Map<String, String> relative = Map.of("XDG_CACHE_HOME", "caches");
    assertEquals(Path.of("/home/me/.cache/adjoint"), NativeFiles.cacheFolder(relative, "/home/me"));
    assertNull(NativeFiles.cacheFolder(Map.of(), "?"));
  }
}
