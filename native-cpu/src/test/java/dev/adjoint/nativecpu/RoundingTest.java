package dev.adjoint.nativecpu;

import dev.adjoint.tck.Calls;
import dev.adjoint.spi.ElementwiseKernels;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import dev.adjoint.DType;
import dev.adjoint.Device;
import dev.adjoint.Shape;
import dev.adjoint.spi.Backend;
import dev.adjoint.spi.BinaryFunction;
import dev.adjoint.spi.KernelCall;
import dev.adjoint.spi.Layout;
import dev.adjoint.spi.Memory;
import dev.adjoint.spi.Replay;
import dev.adjoint.spi.View;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Other native code may have changed how the calling thread computes; a library compiled with
 * -ffast-math does so when it is loaded. The results stay the same, for brief calls, long ones and
 * replays, and the thread keeps its setting.
 */
@SuppressWarnings("restricted")
class RoundingTest {
  private static final boolean X86 = System.getProperty("os.arch", "").equals("amd64");

  /** Where the C library's fenv_t has the control word of the vector unit. */
  private static final long CONTROL = X86 ? 28 : 0;

  private static final long FENV_BYTES = 32;

  private static final MethodHandle GET = function("fegetenv");
  private static final MethodHandle SET = function("fesetenv");

  /** A brief call, a long one of this thread alone, and one for all threads. */
  private static final int[] SIZES = {1, 1000, 200_000};

  enum Setting {
    FLUSH_TO_ZERO(0x8040, 1 << 24),
    ROUND_UP(0x4000, 1 << 22),
    ROUND_DOWN(0x2000, 2 << 22);

    final int bits;

    Setting(int x86, int aarch64) {
      bits = X86 ? x86 : aarch64;
    }
  }

  private static MethodHandle function(String name) {
    Linker linker = Linker.nativeLinker();
    return linker.downcallHandle(
        linker.defaultLookup().findOrThrow(name), FunctionDescriptor.of(JAVA_INT, ADDRESS));
  }

  private static void environment(MethodHandle function, MemorySegment fenv) {
    try {
      assertEquals(0, (int) function.invokeExact(fenv));
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** Runs code in a thread that is set so, and checks that it is afterwards. */
  private static void with(Setting setting, Runnable code) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment before = arena.allocate(FENV_BYTES, Long.BYTES);
      MemorySegment during = arena.allocate(FENV_BYTES, Long.BYTES);
      MemorySegment after = arena.allocate(FENV_BYTES, Long.BYTES);
      environment(GET, before);
      during.copyFrom(before);
      during.set(JAVA_INT, CONTROL, before.get(JAVA_INT, CONTROL) | setting.bits);
      environment(SET, during);
      try {
        code.run();
        environment(GET, after);
      } finally {
        environment(SET, before);
      }
      assertEquals(setting.bits, after.get(JAVA_INT, CONTROL) & setting.bits);
    }
  }

  @ParameterizedTest
  @EnumSource
  void resultsDoNotDependOnTheThreadsSetting(Setting setting) {
    Backend backend = new NativeCpuProvider().open(Device.CPU);
    for (int n : SIZES) {
      Layout layout = Layout.contiguous(Shape.of(n));
      Memory memory = backend.allocate(2L * n * Float.BYTES);
      assertNotNull(memory);
      View x = new View(memory, layout, DType.F32);
      View y = new View(memory, Layout.of(Shape.of(n), new long[] {1}, n), DType.F32);
      float[] values = new float[n];
      for (int i = 0; i < n; i++) {
        values[i] = i % 2 == 0 ? Float.MIN_NORMAL * (1 + i) : i / 3f;
      }
      backend.upload(MemorySegment.ofArray(values), x);
      KernelCall call =
          Calls.of(
              backend, new ElementwiseKernels.BinaryScalar(BinaryFunction.MUL, x, y, 0.3f, false));
      call.run();
      MemorySegment expected = MemorySegment.ofArray(new float[n]);
      MemorySegment actual = MemorySegment.ofArray(new float[n]);
      backend.download(y, expected);
      try (Replay replay = backend.compile(List.of(call))) {
        for (Runnable run : List.<Runnable>of(call::run, replay::run)) {
          Calls.of(backend, new ElementwiseKernels.Fill(y, Double.NaN)).run();
          with(setting, run);
          backend.download(y, actual);
          assertEquals(-1, expected.mismatch(actual));
        }
      } finally {
        backend.free(memory);
      }
    }
  }
}
