package dev.adjoint.cuda;

import static dev.adjoint.cuda.SharedLibrary.handle;
import static dev.adjoint.cuda.SharedLibrary.unexpected;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import org.jspecify.annotations.Nullable;

/**
 * The driver's functions that are called once or more for each operation, where JCuda's marshalling
 * would cost microseconds. Each answers a {@code CUresult}. Everything else goes through JCuda.
 *
 * <p>One handle for each signature, with the function's address as the first argument.
 */
final class Driver {
  /** The parameters that every driver takes, in bytes: those of the kernels for CUDA 12. */
  static final int PARAMETER_BYTES = 4096;

  /** The parameters that drivers take since CUDA 12.1. */
  static final int LARGEST_PARAMETER_BYTES = 32764;

  private static final MethodHandle OF_HANDLE = handle(JAVA_LONG);
  private static final MethodHandle OF_HANDLES = handle(JAVA_LONG, JAVA_LONG);
  private static final MethodHandle COPY = handle(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle LAUNCH =
      handle(
          JAVA_LONG, // function
          JAVA_INT, // grid
          JAVA_INT, JAVA_INT, JAVA_INT, // block
          JAVA_INT, JAVA_INT, JAVA_INT, // bytes of dynamic shared memory
          JAVA_LONG, // stream
          JAVA_LONG, // addresses of the parameters
          JAVA_LONG); // extra
  private static final MethodHandle PARAMETER = handle(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);

  /** Where a thread's parameter blocks pass over; collected together with the thread. */
  private static final ThreadLocal<Parameters> PARAMETERS =
      ThreadLocal.withInitial(Parameters::new);

  private final MemorySegment setContext;
  private final MemorySegment launchKernel;
  private final MemorySegment launchGraph;
  private final MemorySegment copyToDevice;
  private final MemorySegment copyToHost;
  private final MemorySegment recordEvent;
  private final MemorySegment synchronizeEvent;
  private final MemorySegment synchronizeStream;
  private final @Nullable MemorySegment parameterInfo;

  /**
   * Resolves the functions.
   *
   * @param library the driver's
   */
  Driver(SharedLibrary library) {
    setContext = library.function("cuCtxSetCurrent");
    launchKernel = library.function("cuLaunchKernel");
    launchGraph = library.function("cuGraphLaunch");
    copyToDevice = library.function("cuMemcpyHtoDAsync_v2");
    copyToHost = library.function("cuMemcpyDtoHAsync_v2");
    recordEvent = library.function("cuEventRecord");
    synchronizeEvent = library.function("cuEventSynchronize");
    synchronizeStream = library.function("cuStreamSynchronize");
    parameterInfo = library.symbols().find("cuFuncGetParamInfo").orElse(null); // since CUDA 12.4
  }

  /**
   * Parameters of one launch: the address of the only one, then its block. The driver copies as
   * much as the kernel declares, so there is room for the largest, however few words are set.
   */
  private static final class Parameters {
    private final MemorySegment block =
        Arena.ofAuto().allocate(Long.BYTES + LARGEST_PARAMETER_BYTES, 2 * Long.BYTES);

    private Parameters() {
      block.set(JAVA_LONG, 0, block.address() + Long.BYTES);
    }

    /** Copies a block out of the heap; its address is good until this thread's next launch. */
    long of(long[] words) {
      MemorySegment.copy(words, 0, block, JAVA_LONG, Long.BYTES, words.length);
      return block.address();
    }
  }

  /** Makes a context current in this OS thread, which a virtual thread may change at any block. */
  int setContext(long context) {
    try {
      return (int) OF_HANDLE.invokeExact(setContext, context);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  int launch(Launch launch, long stream) {
    try {
      return (int)
          LAUNCH.invokeExact(
              launchKernel,
              launch.kernel().function(),
              launch.gridX(),
              launch.gridY(),
              1,
              launch.block(),
              1,
              1,
              launch.sharedBytes(),
              stream,
              PARAMETERS.get().of(launch.words()),
              0L);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  int launchGraph(long graph, long stream) {
    try {
      return (int) OF_HANDLES.invokeExact(launchGraph, graph, stream);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  int copyToDevice(long target, long source, long bytes, long stream) {
    try {
      return (int) COPY.invokeExact(copyToDevice, target, source, bytes, stream);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  int copyToHost(long target, long source, long bytes, long stream) {
    try {
      return (int) COPY.invokeExact(copyToHost, target, source, bytes, stream);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  int recordEvent(long event, long stream) {
    try {
      return (int) OF_HANDLES.invokeExact(recordEvent, event, stream);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  int synchronizeEvent(long event) {
    try {
      return (int) OF_HANDLE.invokeExact(synchronizeEvent, event);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  int synchronizeStream(long stream) {
    try {
      return (int) OF_HANDLE.invokeExact(synchronizeStream, stream);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /**
   * The size of a kernel's only parameter.
   *
   * @return bytes; 0 if it has none or more than one; if this driver cannot tell, those that every
   *     driver takes
   */
  long parameterBytes(long function) {
    if (parameterInfo == null) {
      return PARAMETER_BYTES;
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment offset = arena.allocate(JAVA_LONG);
      MemorySegment size = arena.allocate(JAVA_LONG);
      int first =
          (int)
              PARAMETER.invokeExact(parameterInfo, function, 0L, offset.address(), size.address());
      long bytes = size.get(JAVA_LONG, 0);
      int second =
          (int)
              PARAMETER.invokeExact(parameterInfo, function, 1L, offset.address(), size.address());
      return first == 0 && second != 0 ? bytes : 0;
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }
}
