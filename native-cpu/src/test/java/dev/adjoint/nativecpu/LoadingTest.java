package dev.adjoint.nativecpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.adjoint.TensorException;
import dev.adjoint.nativecpu.LibrarySource.InFolder;
import dev.adjoint.nativecpu.LibrarySource.InJar;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.URI;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What can be wrong with a library is an exception that names it, and never a crash. */
class LoadingTest {
  private static final String BASE = "libadjoint_base.so";

  @TempDir Path folder;
  private String variant;
  private String variantFile;

  /** A folder with good copies of the base library and the best variant, for tests to spoil. */
  @BeforeEach
  void copyLibraries() throws IOException {
    variant = NativeCpuProvider.shared().best();
    variantFile = "libadjoint_" + variant + ".so";
    for (String file : List.of(BASE, variantFile)) {
      Files.copy(builtLibrary(file), folder.resolve(file));
    }
  }

  private static Path builtLibrary(String file) {
    URL resource =
        requireNonNull(
            LibrarySource.class.getResource("lib/" + Platform.resourceFolder() + "/" + file));
    return Path.of(URI.create(resource.toString()));
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
    assertEquals(folder.resolve(variantFile).toString(), load().library.place());
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

  /** Copies of the libraries that have the sonames of another build. */
  private Path otherBuild(String hash) throws IOException {
    Path other = Files.createDirectory(folder.resolve("other"));
    String soname = requireNonNull(ElfFile.parse(content(BASE), BASE).soname());
    String own = soname.substring(soname.lastIndexOf('-'));
    assertEquals("-.so".length() + hash.length(), own.length());
    for (String name : List.of(BASE, variantFile)) {
      byte[] bytes = content(name);
      rename(bytes, own, "-" + hash + ".so");
      Files.write(other.resolve(name), bytes);
    }
    return other;
  }

  private byte[] content(String name) throws IOException {
    return Files.readAllBytes(folder.resolve(name));
  }

  /** A version's kernels use the base library of that version, whichever came first. */
  @Test
  void twoVersionsInOneProcess() throws IOException {
    MemorySegment pool = load().library.function("adj_parallel_for");
    NativeRuntime other = new NativeRuntime(new InFolder(otherBuild("0000000000000000")));
    MemorySegment othersPool = other.open(variant).library.function("adj_parallel_for");
    assertNotEquals(pool, othersPool);
    assertEquals(other.poolAddress(), othersPool);
    assertEquals(new NativeRuntime(LibrarySource.configured()).poolAddress(), pool);
  }

  /** Where neither a home nor a cache folder serves, no file is needed. */
  @Test
  void librariesInMemory() throws Exception {
    Path libraries = otherBuild("1111111111111111");
    Path jar = folder.resolve("libraries.jar");
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(jar))) {
      for (String name : List.of(BASE, variantFile)) {
        zip.putNextEntry(new ZipEntry("lib/" + name));
        zip.write(Files.readAllBytes(libraries.resolve(name)));
        zip.closeEntry();
      }
    }
    Path unusable = Files.writeString(folder.resolve("file"), "").resolve("adjoint");
    InJar source = new InJar("lib", name -> inside(jar, name), List.of(unusable));
    NativeRuntime runtime = new NativeRuntime(source);
    KernelLibrary kernels = runtime.open(variant);
    for (String place : List.of(runtime.basePlace(), kernels.library.place())) {
      assertTrue(place.contains("in memory, because "), place);
      assertTrue(place.contains(unusable.toString()), place);
    }
    assertEquals(runtime.poolAddress(), kernels.library.function("adj_parallel_for"));
    String maps = Files.readString(Path.of("/proc/self/maps"));
    assertTrue(maps.contains("/memfd:" + variantFile), maps);
    int files = openFiles();
    assertEquals(runtime.poolAddress(), new NativeRuntime(source).poolAddress());
    assertEquals(files, openFiles(), "a library is loaded once");
    runFill(kernels);
  }

  private static void runFill(KernelLibrary kernels) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_FLOAT, 1 << 20);
      long[] words = {out.address(), Double.doubleToRawLongBits(3), 1, 1 << 20, 1};
      new NativeCall(kernels.function("fill_f32"), words, false).run();
      assertEquals(3, out.getAtIndex(JAVA_FLOAT, (1 << 20) - 1));
    }
  }

  private static int openFiles() {
    return requireNonNull(Path.of("/proc/self/fd").toFile().list()).length;
  }

  private static URL inside(Path jar, String name) {
    try {
      return URI.create("jar:" + jar.toUri() + "!/" + name).toURL();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** An interrupt closes channels; reading libraries and limits goes without. */
  @Test
  void interruptedThread() {
    Thread.currentThread().interrupt();
    try {
      load();
      assertTrue(String.join("", new NativeCpuProvider().report()).contains("huge pages: "));
      long budget = MemoryBudget.available(Path.of("/"));
      assertTrue(budget < Long.MAX_VALUE, "what the system says was read");
    } finally {
      assertTrue(Thread.interrupted(), "it stays interrupted");
    }
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

  @ParameterizedTest
  @ValueSource(strings = {"none", "0", "-2", "1.5", " 2"})
  void threadsPropertyThatIsNoNumber(String text) {
    System.setProperty(NativeRuntime.THREADS_PROPERTY, text);
    try {
      for (int attempt = 0; attempt < 2; attempt++) {
        TensorException e = assertThrows(TensorException.class, this::load);
        assertEquals(
            "settings: -Dadjoint.threads=" + text + "; it must be a number of threads, 1 … 1024",
            e.getMessage());
      }
    } finally {
      System.clearProperty(NativeRuntime.THREADS_PROPERTY);
    }
  }

  @Test
  void moreThreadsThanThereCanBe() {
    System.setProperty(NativeRuntime.THREADS_PROPERTY, "5000");
    try {
      NativeRuntime runtime = new NativeRuntime(new InFolder(folder));
      assertTrue(runtime.threads() <= 1024);
    } finally {
      System.clearProperty(NativeRuntime.THREADS_PROPERTY);
      load(); // the pool has its usual size again
    }
    assertNull(NativeRuntime.shortage(8, 8));
    assertEquals(
        "cpu: 5000 threads were asked for, kernels use 1024: that is the most",
        NativeRuntime.shortage(5000, 1024));
    assertEquals(
        "cpu: 64 threads were asked for, kernels use 7: the system does not let more start",
        NativeRuntime.shortage(64, 7));
  }

  @Test
  void libraryReplacedWhereItWasLoadedFrom() throws IOException {
    load();
    Path other = otherBuild("2222222222222222");
    Files.move(other.resolve(BASE), folder.resolve(BASE), StandardCopyOption.REPLACE_EXISTING);
    assertRefused(this::load, BASE, "has been replaced");
  }

  @Test
  void nativePathThatIsNoFolder() {
    Path nowhere = folder.resolve("nowhere");
    assertRefused(() -> new NativeRuntime(new InFolder(nowhere)), BASE, nowhere.toString());
    System.setProperty(LibrarySource.PATH_PROPERTY, nowhere.toString());
    try {
      assertEquals(
          "settings: -Dadjoint.native.path=" + nowhere + "; it must be a folder that is there",
          assertThrows(TensorException.class, LibrarySource::configured).getMessage());
    } finally {
      System.clearProperty(LibrarySource.PATH_PROPERTY);
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
