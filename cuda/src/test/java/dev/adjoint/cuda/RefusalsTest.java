package dev.adjoint.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.tck.ForkedJvm;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a GPU that cannot be used says, each in a process of its own with another machine. */
class RefusalsTest {
  private static final Path SIMULATED = Path.of(System.getProperty("adjoint.cuda.path"));
  private static final String KERNELS =
      "-Dadjoint.cuda.kernels=" + System.getProperty("adjoint.cuda.kernels");

  @TempDir Path folder;

  private static String run(String what, Map<String, String> environment, String... options)
      throws IOException, InterruptedException {
    return output(ForkedJvm.of(List.of(options), OpenDevice.class, what), environment);
  }

  private static String output(ProcessBuilder java, Map<String, String> environment)
      throws IOException, InterruptedException {
    java.environment().remove("CUDA_HOME");
    java.environment().putAll(environment);
    ForkedJvm.Ended jvm = ForkedJvm.run(java);
    assertEquals(0, jvm.exitCode(), jvm.output());
    return jvm.output().strip();
  }

  private static String runSimulated(String what, Map<String, String> environment, String... more)
      throws IOException, InterruptedException {
    List<String> options = new ArrayList<>(List.of(more));
    options.add("-Dadjoint.cuda.path=" + SIMULATED);
    options.add(KERNELS);
    return run(what, environment, options.toArray(String[]::new));
  }

  private static void assertSays(String message, String... parts) {
    for (String part : parts) {
      assertTrue(message.contains(part), () -> "'" + part + "' is not in: " + message);
    }
  }

  /** A folder with some of the simulated libraries. */
  private String folderOf(Map<String, String> links) throws IOException {
    for (Map.Entry<String, String> link : links.entrySet()) {
      Files.createSymbolicLink(folder.resolve(link.getKey()), SIMULATED.resolve(link.getValue()));
    }
    return "-Dadjoint.cuda.path=" + folder;
  }

  @Test
  void aMachineWithoutADriver() throws Exception {
    String message = run("open", Map.of(), "-Dadjoint.cuda.path=" + folder);
    assertSays(message, "no NVIDIA driver", "libcuda.so.1: not found in " + folder, "--device cpu");
  }

  @Test
  void aDriverWithoutDevices() throws Exception {
    String message = runSimulated("open", Map.of("ADJOINT_SIMULATED_DEVICES", "0"));
    assertSays(message, "finds no device", "--device cpu");
  }

  @Test
  void aDriverThatIsTooOld() throws Exception {
    String message = runSimulated("open", Map.of("ADJOINT_SIMULATED_DRIVER", "11080"));
    assertSays(message, "is for CUDA 11.8", "12.0 or newer", "525");
  }

  @Test
  void aDeviceThatIsTooOld() throws Exception {
    Map<String, String> turing = Map.of("ADJOINT_SIMULATED_CAPABILITY", "75");
    assertSays(runSimulated("open", turing), "compute capability 7.5", "8.0 (Ampere)");
    assertSays(runSimulated("report", turing), "device 0: ", "7.5 (too old");
  }

  @Test
  void kernelsThatCannotBeRead() throws Exception {
    Path none = folder.resolve("none");
    String message =
        run("open", Map.of(), "-Dadjoint.cuda.path=" + SIMULATED, "-Dadjoint.cuda.kernels=" + none);
    assertSays(message, none.toString(), "cannot be read");
  }

  @Test
  void cublasThatIsMissing() throws Exception {
    String libraries = folderOf(Map.of("libcuda.so.1", "libcuda.so.1"));
    String message = run("open", Map.of(), libraries, KERNELS);
    assertSays(message, "no cuBLAS", "libcublas.so.12: not found in " + folder, "pip install");
  }

  @Test
  void cublasThatNeedsANewerDriver() throws Exception {
    String libraries =
        folderOf(
            Map.of(
                "libcuda.so.1", "libcuda.so.1",
                "libcublas.so.13", "libcublas.so.13",
                "libcublasLt.so.13", "libcublasLt.so.13"));
    String message = run("open", Map.of("ADJOINT_SIMULATED_DRIVER", "12040"), libraries, KERNELS);
    assertSays(message, "libcublas.so.13 needs a driver for CUDA 13", "12.4", "libcublas.so.12");
    assertSays(run("open", Map.of(), libraries, KERNELS), "cuda:0 gives 12.0");
  }

  @Test
  void cublasOfAnotherVersionThanItsName() throws Exception {
    String libraries =
        folderOf(
            Map.of(
                "libcuda.so.1", "libcuda.so.1",
                "libcublas.so.12", "libcublas.so.13",
                "libcublasLt.so.12", "libcublasLt.so.13"));
    String message = run("open", Map.of(), libraries, KERNELS, "-Dadjoint.cuda.cublas=ffm");
    assertSays(message, "libcublas.so.12 is cuBLAS 13.", "not 12");
  }

  @Test
  void aKernelThatIsMissing() throws Exception {
    assertSays(runSimulated("missing", Map.of()), "lacks the kernel adj_no_such_kernel");
  }

  @Test
  void aParameterBlockThatIsTooLong() throws Exception {
    assertSays(runSimulated("oversized", Map.of()), "next_key", "2 words, not of 3");
  }

  @Test
  void aDeviceThatIsFull() throws Exception {
    String message =
        runSimulated(
            "fill", Map.of("ADJOINT_SIMULATED_MEMORY", "1000000000"), "-Dadjoint.memory=100g");
    assertSays(
        message, "allocate: 256.0 MiB more on cuda:0 is more than it has left", "F32 [67108864]");
  }

  @Test
  void aKernelThatFails() throws Exception {
    assertSays(
        runSimulated("illegal", Map.of()),
        "CUDA_ERROR_ILLEGAL_ADDRESS",
        "fill_f32",
        "-Dadjoint.cuda.sync=true");
    assertSays(
        runSimulated("illegal", Map.of(), "-Dadjoint.cuda.sync=true"),
        "cuda: fill_f32: CUDA_ERROR_ILLEGAL_ADDRESS");
  }

  @Test
  void javaThatDeniesNativeCode() throws Exception {
    List<String> arguments =
        List.of(
            "--illegal-native-access=deny",
            "-Dadjoint.cuda.path=" + SIMULATED,
            KERNELS,
            "-cp",
            ForkedJvm.classPath(),
            OpenDevice.class.getName(),
            "open");
    assertSays(
        output(ForkedJvm.java(arguments), Map.of()),
        "Java needs the option " + ForkedJvm.NATIVE_ACCESS);
  }

  /**
   * Not a refusal: launches of an optimizer step (the last one counts it), steps done, and the sum
   * of all moments, which are a half for each parameter.
   */
  @Test
  void listsOfTensorsAreAsLongAsTheKernelsForTheDriverTakeThem() throws Exception {
    assertEquals(
        "101 in 2, 1.0, 101.0; 148 in 2, 1.0, 148.0; 800 in 2, 1.0, 800.0; 818 in 3, 1.0, 818.0",
        runSimulated("steps", Map.of()));
    Map<String, String> cuda12 =
        Map.of(
            "ADJOINT_SIMULATED_DRIVER",
            "12000",
            "ADJOINT_SIMULATED_KERNELS",
            SIMULATED.resolve("libadjoint_simulated_kernels_12.so").toString());
    assertEquals(
        "101 in 2, 1.0, 101.0; 148 in 3, 1.0, 148.0; 800 in 9, 1.0, 800.0; 818 in 10, 1.0, 818.0",
        runSimulated("steps", cuda12));
  }

  /** Not a refusal: what the class path can do, the module path can. */
  @Test
  void theModulePathWorksToo() throws Exception {
    List<String> modules = new ArrayList<>();
    String tests = "";
    for (String entry : ForkedJvm.classPath().split(File.pathSeparator, -1)) {
      if (entry.endsWith("test-classes")) {
        tests = entry;
      } else if (entry.matches(".*(java-api/target/|adjoint-api|cuda/target/|/org/jcuda/).*")) {
        modules.add(entry);
      }
    }
    List<String> arguments =
        List.of(
            "--illegal-native-access=deny",
            "--enable-native-access=dev.adjoint.cuda,jcuda,jcublas",
            "--module-path=" + String.join(File.pathSeparator, modules),
            "--patch-module=dev.adjoint.cuda=" + tests,
            "-Dadjoint.cuda.path=" + SIMULATED,
            KERNELS,
            "--module=dev.adjoint.cuda/" + OpenDevice.class.getName(),
            "open");
    assertSays(output(ForkedJvm.java(arguments), Map.of()), "cuda:0 gives 12.0");
  }
}
