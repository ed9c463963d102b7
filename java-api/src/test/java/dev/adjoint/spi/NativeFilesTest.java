package dev.adjoint.spi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;

class NativeFilesTest {
  /** Under LC_ALL=C, names with other letters than ASCII's are such. */
  @Test
  void whatIsNoPathIsNoCache() {
    assertNull(NativeFiles.cacheFolder(Map.of(), "/home/\0"));
    assertEquals(
        Path.of("/home/me/.cache/adjoint"),
        NativeFiles.cacheFolder(Map.of("XDG_CACHE_HOME", "/caches/\0"), "/home/me"));
  }
}
