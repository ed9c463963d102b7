package dev.adjoint.nativecpu;

import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.nativecpu.LibrarySource.InJar;
import dev.adjoint.spi.NativeFiles;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.opentest4j.TestAbortedException;

class LibrarySourceTest {
  private static final byte[] CONTENT = "a library".getBytes(StandardCharsets.US_ASCII);

  @TempDir Path folder;
  private Path cache;

  @BeforeEach
  void setUp() {
    cache = folder.resolve("cache/adjoint");
  }

  private Path find(Path cache) throws IOException {
    return NativeFiles.of(jar("test.jar", CONTENT), "x.so", List.of(cache));
  }

  private URL jar(String name, byte[] content) throws IOException {
    Path file = folder.resolve(name);
    try (OutputStream out = new FileOutputStream(file.toFile());
        ZipOutputStream zip = new ZipOutputStream(out)) {
      zip.putNextEntry(new ZipEntry("lib/x.so"));
      zip.write(content);
      zip.closeEntry();
    }
    return inside(file, "lib/x.so");
  }

  private static URL inside(Path jar, String name) throws IOException {
    return URI.create("jar:" + jar.toUri() + "!/" + name).toURL();
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
    Path second = NativeFiles.of(jar("other.jar", other), "x.so", List.of(cache));
    assertNotEquals(first, second);
    assertArrayEquals(CONTENT, Files.readAllBytes(first));
    assertArrayEquals(other, Files.readAllBytes(second));
  }

  @Test
  void takesTheNextFolderWhereOneDoesNotServe() throws IOException {
    Path blocked = Files.writeString(folder.resolve("file"), "").resolve("adjoint");
    Path file = NativeFiles.of(jar("test.jar", CONTENT), "x.so", List.of(blocked, cache));
    assertTrue(file.startsWith(cache));
    IOException e = assertThrows(IOException.class, () -> find(blocked));
    String message = requireNonNull(e.getMessage());
    assertTrue(message.contains(blocked.toString()), message);
  }

  @Test
  void usesClassesInAFolderInPlace() throws IOException {
    Path file = Files.write(folder.resolve("x.so"), CONTENT);
    assertEquals(file, NativeFiles.of(file.toUri().toURL(), "x.so", List.of(cache)));
    assertTrue(Files.notExists(cache));
  }

  /** Whoever owns a folder above the cache can exchange the cache between check and load. */
  @Test
  void refusesFoldersBelowOneThatOthersMayWriteTo() throws IOException {
    Path shared = requireNonNull(Files.createDirectories(cache).getParent());
    Files.setPosixFilePermissions(shared, PosixFilePermissions.fromString("rwxrwxr-x"));
    IOException e = assertThrows(IOException.class, () -> find(cache));
    String message = requireNonNull(e.getMessage());
    assertTrue(message.contains("other users may write to the folder " + shared), message);
    Files.setAttribute(shared, "unix:mode", 01777); // as /tmp
    find(cache);
    Path link = Files.createSymbolicLink(folder.resolve("link"), cache);
    assertTrue(find(link).startsWith(cache), "a link is followed once");
  }

  @Test
  void replacesALinkInTheCache() throws IOException {
    Path file = find(cache);
    Path elsewhere = Files.copy(file, folder.resolve("elsewhere"));
    Files.delete(file);
    Files.createSymbolicLink(file, elsewhere);
    assertTrue(Files.isRegularFile(find(cache), LinkOption.NOFOLLOW_LINKS));
  }

  @Test
  void refusesFoldersThatForbidExecution() throws IOException {
    Path mount = mountedNoexec();
    Path there = Files.createTempDirectory(mount, "adjoint-test-");
    try {
      IOException e = assertThrows(IOException.class, () -> find(there));
      assertTrue(requireNonNull(e.getMessage()).contains("noexec"), e.getMessage());
    } finally {
      try (Stream<Path> files = Files.walk(there)) {
        files.sorted(Comparator.reverseOrder()).forEach(f -> assertTrue(f.toFile().delete()));
      }
    }
  }

  /** A folder that this user may write to, on a file system with the option noexec. */
  private static Path mountedNoexec() throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/mounts"))) {
      String[] fields = line.split(" ", 5); // device, folder, type, options
      List<String> options = List.of(fields[3].split(",", -1));
      Path mount = Path.of(fields[1]);
      if (fields[2].equals("tmpfs") && options.contains("noexec") && Files.isWritable(mount)) {
        return mount;
      }
    }
    throw new TestAbortedException("no file system with the option noexec is there");
  }

  @Test
  void worksInAnInterruptedThread() throws IOException {
    Thread.currentThread().interrupt();
    try {
      assertArrayEquals(CONTENT, NativeFiles.readAllBytes(find(cache)));
      find(cache);
    } finally {
      assertTrue(Thread.interrupted(), "it stays interrupted");
    }
  }

  @Test
  void saysWhenThereIsNone() throws IOException {
    assertFalse(new InJar("lib", LibrarySourceTest.class::getResource, List.of(cache)).has("y.so"));
    assertFalse(new LibrarySource.InFolder(folder).has("y.so"));
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
