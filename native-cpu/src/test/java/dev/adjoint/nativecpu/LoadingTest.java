package dev.adjoint.nativecpu;

import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.adjoint.TensorException;
import dev.adjoint.nativecpu.LibrarySource.InFolder;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/** What can be wrong with a library is an exception that names it, and never a crash. */
class LoadingTest {
  private static final String BASE = "libadjoint_base.so";

  @TempDir Path folder;
  private String variant;
  private String variantFile;

  /** A folder with good copies of the base library and the best variant, for tests to spoil. */
  @BeforeEach
  void copyLibraries() throws IOException {
    LibrarySource good = LibrarySource.configured();
    variant = new NativeRuntime(good).best();
    variantFile = "libadjoint_" + variant + ".so";
    for (String file : List.of(BASE, variantFile)) {
      Files.copy(good.find(file), folder.resolve(file));
    }
  }

  private KernelLibrary load() {
    return new NativeRuntime(new InFolder(folder)).open(variant);
  }

  private static void assertRefused(Executable action, String... parts) {
    String message = requireNonNull(assertThrows(TensorException.class, action).getMessage());
    for (String part : parts) {
      assertTrue(message.contains(part), () -> "'" + part + "' in: " + message);
    }
    assertTrue(message.startsWith("cpu: "), message);
    assertTrue(message.contains("-Dadjoint.device=reference"), message);
    assertFalse(message.contains("\n"), message);
  }

  @Test
  void goodLibrariesLoad() {
    assertEquals(folder.resolve(variantFile), load().library.path());
  }

  @Test
  void missingLibraries() throws IOException {
    Files.delete(folder.resolve(variantFile));
    assertRefused(this::load, variantFile, folder.toString());
    Files.delete(folder.resolve(BASE));
    assertRefused(this::load, BASE, folder.toString());
  }

  @Test
  void libraryCutShortAnywhere() throws IOException {
    for (String name : List.of(BASE, variantFile)) {
      Path file = folder.resolve(name);
      byte[] whole = Files.readAllBytes(file);
      for (int length : new int[] {0, 10, 64, 4096, whole.length / 2, whole.length - 1}) {
        Files.write(file, Arrays.copyOf(whole, length));
        assertRefused(this::load, file.toString(), length < 64 ? "not an ELF file" : "cut short");
      }
      Files.write(file, whole);
    }
  }

  @Test
  void notALibrary() throws IOException {
    Files.writeString(folder.resolve(BASE), "text ".repeat(100));
    assertRefused(this::load, BASE, "not an ELF file");
  }

  @Test
  void otherProcessor() throws IOException {
    Path file = folder.resolve(variantFile);
    byte[] bytes = Files.readAllBytes(file);
    bytes[18] = 8; // e_machine: MIPS
    Files.write(file, bytes);
    assertRefused(this::load, file.toString(), "another processor");
  }

  @Test
  void dynamicLinkersReason() throws Exception {
    compile(variantFile, "void nowhere(void); void f(void) { nowhere(); }", "-Wl,-z,now");
    assertRefused(this::load, variantFile, "undefined symbol: nowhere");
  }

  @Test
  void otherBinaryInterface() throws Exception {
    compile(BASE, "int adj_abi_version(void) { return 99; }");
    assertRefused(this::load, BASE, "version 99", "needs " + NativeLibrary.ABI_VERSION);
  }

  @Test
  void variantWithOtherBinaryInterface() throws Exception {
    compile(variantFile, "int adj_variant_abi_version(void) { return 98; }");
    assertRefused(this::load, variantFile, "version 98");
  }

  @Test
  void foreignLibrary() throws Exception {
    compile(variantFile, "int something(void) { return 0; }");
    assertRefused(this::load, variantFile, "lacks adj_variant_abi_version");
  }

  @Test
  void missingKernel() throws IOException {
    Path file = folder.resolve(variantFile);
    byte[] bytes = Files.readAllBytes(file);
    rename(bytes, "adj_gelu_tanh_grad_f64", "adj_gelu_tanh_grad_fXX");
    Files.write(file, bytes);
    assertRefused(this::load, file.toString(), "lacks adj_gelu_tanh_grad_f64");
  }

  private static void rename(byte[] bytes, String from, String to) {
    byte[] pattern = (from + "\0").getBytes(StandardCharsets.US_ASCII);
    byte[] replacement = to.getBytes(StandardCharsets.US_ASCII);
    for (int i = 0; i + pattern.length <= bytes.length; i++) {
      if (Arrays.equals(bytes, i, i + pattern.length, pattern, 0, pattern.length)) {
        System.arraycopy(replacement, 0, bytes, i, replacement.length);
      }
    }
  }

  private void compile(String fileName, String source, String... options) throws Exception {
    Path file = folder.resolve(fileName);
    Files.delete(file);
    List<String> command = new ArrayList<>(List.of("cc", "-shared", "-fPIC", "-xc", "-"));
    command.addAll(List.of(options));
    command.addAll(List.of("-o", file.toString()));
    Process compiler;
    try {
      compiler = new ProcessBuilder(command).redirectErrorStream(true).start();
    } catch (IOException e) {
      assumeTrue(false, "there is no C compiler: " + e);
      return;
    }
    try (var stdin = compiler.outputWriter()) {
      stdin.write(source);
    }
    String output = new String(compiler.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertTrue(compiler.waitFor(60, TimeUnit.SECONDS));
    assertEquals(0, compiler.exitValue(), output);
  }

  @Test
  void variantsThatThisMachineDoesNotHave() {
    NativeRuntime runtime = new NativeRuntime(new InFolder(folder));
    assertRefused(() -> runtime.open("z80"), "no variant 'z80'", variant);
    for (Variant other : runtime.variants()) {
      if (other.lacks() != null) {
        assertRefused(() -> runtime.open(other.name()), other.name(), other.lacks());
      }
    }
  }

  @Test
  void threadsProperty() {
    System.setProperty(NativeRuntime.THREADS_PROPERTY, "none");
    try {
      TensorException e = assertThrows(TensorException.class, this::load);
      String message = requireNonNull(e.getMessage());
      assertTrue(message.contains("-Dadjoint.threads=none"), message);
    } finally {
      System.clearProperty(NativeRuntime.THREADS_PROPERTY);
    }
  }

  @Test
  void readsTheProbe() {
    List<Variant> variants = Variant.parse("old yes\nnew no: the CPU lacks AVX2, FMA");
    assertEquals(2, variants.size());
    assertEquals("old", variants.get(0).name());
    assertNull(variants.get(0).lacks());
    assertEquals("libadjoint_new.so", variants.get(1).fileName());
    assertEquals("the CPU lacks AVX2, FMA", variants.get(1).lacks());
    assertThrows(TensorException.class, () -> Variant.parse("nonsense"));
  }

  @Test
  void otherPlatforms() {
    assertTrue(Platform.isSupported("Linux", "amd64"));
    assertTrue(Platform.isSupported("Linux", "aarch64"));
    assertFalse(Platform.isSupported("Linux", "riscv64"));
    assertFalse(Platform.isSupported("Mac OS X", "aarch64"));
    assertFalse(Platform.isSupported("Windows 11", "amd64"));
  }
}
