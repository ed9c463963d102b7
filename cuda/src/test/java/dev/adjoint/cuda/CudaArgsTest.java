package dev.adjoint.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** Numbers that launches and kernels must agree on. */
class CudaArgsTest {
  private static final String KERNELS = "../native-cpu/src/main/c/include/kernels.h";

  private static long constant(String name) throws IOException {
    return constant("src/main/cuda/cuda_args.h", name);
  }

  private static long constant(String file, String name) throws IOException {
    String header = Files.readString(Path.of(file));
    Matcher definition = Pattern.compile("#define " + name + " (\\d+)").matcher(header);
    assertTrue(definition.find(), name);
    return Long.parseLong(definition.group(1));
  }

  @Test
  void blocksHaveAsManyThreadsAsKernelsExpect() throws IOException {
    assertEquals(constant("ADJ_THREADS"), Grid.THREADS);
  }

  @Test
  void chunksAreWhatKernelsTakeThemFor() throws IOException {
    assertEquals(constant("ADJ_CHUNK"), TensorLists.CHUNK);
  }

  @Test
  void listsTakeAllTheWordsThatParametersHold() throws IOException {
    assertEquals(
        constant(KERNELS, "ADJ_LIST_BLOCK_WORDS"), Driver.LARGEST_PARAMETER_BYTES / Long.BYTES);
  }

  @Test
  void loopsAreAsManyAsThereIsRoomFor() throws IOException {
    assertEquals(constant(KERNELS, "ADJ_MAX_DEPTH"), Loops.MAX_DEPTH);
  }
}
