import static jcuda.nvptxcompiler.JNvPTXCompiler.nvPTXCompilerCompile;
import static jcuda.nvptxcompiler.JNvPTXCompiler.nvPTXCompilerCreate;
import static jcuda.nvptxcompiler.JNvPTXCompiler.nvPTXCompilerDestroy;
import static jcuda.nvptxcompiler.JNvPTXCompiler.nvPTXCompilerGetCompiledProgram;
import static jcuda.nvptxcompiler.JNvPTXCompiler.nvPTXCompilerGetCompiledProgramSize;
import static jcuda.nvptxcompiler.JNvPTXCompiler.nvPTXCompilerGetErrorLog;
import static jcuda.nvptxcompiler.JNvPTXCompiler.nvPTXCompilerGetErrorLogSize;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import jcuda.nvptxcompiler.nvPTXCompileResult;
import jcuda.nvptxcompiler.nvPTXCompilerHandle;

/**
 * Assembles PTX for some architectures by the PTX compiler of CUDA 12, which JCuda's natives
 * contain and which needs no GPU. Run from its source by build-kernels.sh: for each architecture
 * the PTX file, its name and the cubin to write.
 */
final class AssemblePtx {
  private AssemblePtx() {}

  public static void main(String[] arguments) throws IOException {
    for (int i = 0; i < arguments.length; i += 3) {
      byte[] text = Files.readAllBytes(Path.of(arguments[i]));
      byte[] ptx = Arrays.copyOf(text, text.length + 1); // ends with a zero, as in C
      Files.write(Path.of(arguments[i + 2]), assemble(ptx, arguments[i + 1]));
    }
  }

  private static byte[] assemble(byte[] ptx, String architecture) {
    nvPTXCompilerHandle compiler = new nvPTXCompilerHandle();
    check(compiler, nvPTXCompilerCreate(compiler, ptx.length, ptx));
    String[] options = {"--gpu-name=" + architecture};
    check(compiler, nvPTXCompilerCompile(compiler, options.length, options));
    long[] size = new long[1];
    check(compiler, nvPTXCompilerGetCompiledProgramSize(compiler, size));
    byte[] cubin = new byte[Math.toIntExact(size[0])];
    check(compiler, nvPTXCompilerGetCompiledProgram(compiler, cubin));
    check(compiler, nvPTXCompilerDestroy(compiler));
    return cubin;
  }

  private static void check(nvPTXCompilerHandle compiler, int result) {
    if (result != nvPTXCompileResult.NVPTXCOMPILE_SUCCESS) {
      long[] size = new long[1];
      nvPTXCompilerGetErrorLogSize(compiler, size);
      byte[] log = new byte[Math.toIntExact(size[0])];
      nvPTXCompilerGetErrorLog(compiler, log);
      throw new IllegalStateException(
          nvPTXCompileResult.stringFor(result) + ": " + new String(log, StandardCharsets.UTF_8));
    }
  }
}
