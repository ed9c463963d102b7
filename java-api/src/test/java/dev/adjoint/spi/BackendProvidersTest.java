package dev.adjoint.spi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.Device;
import java.io.IOException;
import java.lang.classfile.ClassFile;
import java.lang.constant.ClassDesc;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Class paths as users pack them: each is a folder with a service file of its own. */
class BackendProvidersTest {
  private static final String FILE = "META-INF/services/" + BackendProvider.class.getName();
  private static final String CPU = "dev.adjoint.nativecpu.NativeCpuProvider";

  @TempDir private Path folder = Path.of("");

  /** A provider that works, as far as this test looks. */
  public static class Working implements BackendProvider {
    /** For the service loader. */
    public Working() {}

    @Override
    public String type() {
      return "working";
    }

    @Override
    public Backend open(Device device) {
      throw new UnsupportedOperationException("not here");
    }

    @Override
    public List<Device> devices() {
      return List.of();
    }

    @Override
    public List<String> report() {
      return List.of();
    }
  }

  /** A provider whose parts are missing. */
  public static final class Broken extends Working {
    /** Fails. */
    public Broken() {
      throw new NoClassDefFoundError("jcuda/Pointer");
    }
  }

  private BackendProviders find(String... services) throws IOException {
    Path file = folder.resolve(FILE);
    Files.createDirectories(file.resolveSibling("."));
    Files.writeString(file, String.join("\n", services), StandardCharsets.UTF_8);
    URL[] path = {folder.toUri().toURL()};
    try (URLClassLoader loader = new URLClassLoader(path, BackendProvider.class.getClassLoader())) {
      return BackendProviders.find(loader);
    }
  }

  private Path classFile(String name) throws IOException {
    Path file = folder.resolve(name.replace('.', '/') + ".class");
    Files.createDirectories(file.resolveSibling("."));
    return file;
  }

  @Test
  void oneThatFailsTakesNoOtherDown() throws IOException {
    String missing = "dev.adjoint.NowhereProvider";
    BackendProviders found =
        find(
            missing,
            Broken.class.getName(),
            BackendProvidersTest.class.getName(),
            Working.class.getName());
    assertEquals(1, found.usable().size());
    assertTrue(found.ofType("working").isPresent());
    assertEquals(3, found.problems().size());
    String why = found.whyNot("cpu");
    assertTrue(why.contains("add adjoint-native-cpu"), why);
    assertTrue(why.contains(missing) && why.contains("jcuda/Pointer"), why);
  }

  @Test
  void oneThatNoServiceFileNamesIsToldWithTheCure() throws IOException {
    ClassFile.of().buildTo(classFile(CPU), ClassDesc.of(CPU), _ -> {});
    BackendProviders found = find(Working.class.getName(), Broken.class.getName());
    assertEquals(1, found.usable().size());
    String why = found.whyNot("cpu");
    assertTrue(why.contains(CPU + " is on the class path, but no " + FILE), why);
    assertTrue(why.contains("ServicesResourceTransformer"), why);
  }

  @Test
  void oneThatIsNotThereIsToldWithItsArtifact() throws IOException {
    BackendProviders found = find(Working.class.getName());
    assertEquals(List.of(), found.problems());
    assertTrue(found.whyNot("cpu").endsWith("add adjoint-native-cpu"), found.whyNot("cpu"));
    assertTrue(found.whyNot("cuda").endsWith("add adjoint-cuda"), found.whyNot("cuda"));
  }
}
