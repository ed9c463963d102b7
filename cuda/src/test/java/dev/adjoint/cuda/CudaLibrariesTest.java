package dev.adjoint.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CudaLibrariesTest {
  private static final String NAME = "libcublas.so.12";

  @TempDir Path root;

  private CudaLibraries libraries() {
    Map<String, String> environment =
        Map.of(
            "CUDA_HOME", root.resolve("opt/cuda").toString(),
            "LD_LIBRARY_PATH", ":no\0path:" + root.resolve("preferred") + ":",
            "VIRTUAL_ENV", root.resolve("venv").toString());
    return new CudaLibraries(root, environment, root.resolve("mine"));
  }

  private void write(String file, String text) throws IOException {
    Path path = root.resolve(file);
    Files.createDirectories(path.resolveSibling("."));
    Files.writeString(path, text);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "mine",
        "opt/cuda/lib64",
        "usr/local/cuda/lib64",
        "preferred",
        "opt/driver",
        "usr/lib/x86_64-linux-gnu",
        "usr/lib64",
        "venv/lib/python3.12/site-packages/nvidia/cublas/lib",
        "usr/local/lib/python3.11/dist-packages/nvidia/cu13/lib"
      })
  void findsALibrary(String folder) throws IOException {
    write("etc/ld.so.conf.d/driver.conf", "# a comment\n/opt/driver\n");
    write(folder + "/" + NAME, "");
    CudaLibraries.Search search = libraries().find(NAME);
    assertEquals(root.resolve(folder).resolve(NAME), search.file());
    assertEquals(NAME + ": " + search.file(), search.toString());
  }

  @Test
  void theUsersFolderComesFirst() throws IOException {
    write("usr/lib64/" + NAME, "");
    write("opt/cuda/lib64/" + NAME, "");
    write("mine/" + NAME, "");
    assertEquals(root.resolve("mine").resolve(NAME), libraries().find(NAME).file());
  }

  @Test
  void namesEachPlaceThatWasTried() throws IOException {
    write("venv/lib/python3.12/site-packages/nvidia/cublas/other", "");
    CudaLibraries.Search search = libraries().find(NAME);
    assertNull(search.file());
    List<String> places =
        List.of(
            "mine",
            "opt/cuda/lib64",
            "usr/local/cuda/lib64",
            "preferred",
            "usr/lib64",
            "venv/lib/python3.12/site-packages/nvidia/cublas/lib");
    for (String place : places) {
      assertTrue(search.tried().contains(root.resolve(place).toString()), search::toString);
    }
    assertTrue(search.toString().startsWith(NAME + ": not found in "), search::toString);
    assertTrue(search.toString().contains("class path"), search::toString);
  }

  @Test
  void reportsTheMachine() throws IOException {
    List<String> without = libraries().machine();
    assertTrue(without.get(0).startsWith("driver: not loaded (no "), without::toString);
    assertTrue(without.get(1).startsWith("device files: none"), without::toString);
    write("proc/driver/nvidia/version", "NVRM version: 580.65.06\nGCC version: 12\n");
    write("dev/nvidia0", "");
    assertEquals(
        List.of("driver: NVRM version: 580.65.06", "device files: " + root.resolve("dev/nvidia0")),
        libraries().machine());
  }
}
