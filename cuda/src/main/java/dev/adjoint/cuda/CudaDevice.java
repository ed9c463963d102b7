package dev.adjoint.cuda;

import dev.adjoint.TensorException;
import dev.adjoint.spi.KernelStatusException;
import dev.adjoint.spi.Memory;
import dev.adjoint.spi.Settings;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import jcuda.driver.CUmodule;
import jcuda.driver.CUstream_flags;
import jcuda.driver.JCudaDriver;
import org.jspecify.annotations.Nullable;

/**
 * One GPU: its primary context, the stream on which everything runs, memory, staging for copies,
 * the error word.
 *
 * <p>A context is current in an OS thread. So every entry makes it current first, and blocks
 * nowhere between that and the calls that need it: a virtual thread may go on in another OS thread.
 */
final class CudaDevice {
  /** With {@code true}, every call waits for the device, so that a failure names its kernel. */
  static final String SYNC_PROPERTY = "adjoint.cuda.sync";

  /** What two-stage reductions need at most, and what cuBLAS wants on the largest devices. */
  private static final long WORKSPACE_BYTES = 32L << 20;

  private static final int RECENT = 8;

  private final boolean sync = Settings.flag(SYNC_PROPERTY);
  private final CudaRuntime runtime;
  private final Driver driver;
  private final int ordinal;
  private final CudaProperties properties;
  private final Handles.Context context = new Handles.Context();
  private final CudaKernels kernels;
  private final CudaStream stream;
  private final Staging staging;
  private final Memory workspace;
  private final Memory blasWorkspace;
  private final @Nullable CuBlasLt blasLt;
  private final Memory errorWord;

  /** Calls of several steps share the workspace: each goes into the stream as a whole. */
  private final ReentrantLock order = new ReentrantLock();

  private final ReentrantLock capturing = new ReentrantLock();
  private @Nullable CudaStream captureStream;

  /** Names of the last calls, for messages; a lost update does no harm. */
  private final @Nullable String[] recent = new String[RECENT];

  private int recentAt;

  /**
   * Opens a device.
   *
   * @throws TensorException with the reason if it cannot be used
   */
  CudaDevice(CudaRuntime runtime, int ordinal) {
    this.runtime = runtime;
    this.driver = runtime.driver();
    this.ordinal = ordinal;
    int count = runtime.deviceCount();
    if (ordinal < 0 || ordinal >= count) {
      throw new TensorException(
          "cuda: there is no device " + ordinal + ", only " + count + (count == 1 ? " (0)" : ""));
    }
    properties = CudaProperties.of(ordinal);
    properties.requireSupported();
    CudaErrors.check(
        JCudaDriver.cuDevicePrimaryCtxRetain(context, properties.device()),
        "the primary context of " + properties.name());
    makeCurrent();
    CudaRuntime.Image image = runtime.image();
    CUmodule module = new CUmodule();
    CudaErrors.check(
        JCudaDriver.cuModuleLoadData(module, image.bytes()), "loading " + image.name());
    kernels = new CudaKernels(driver, module, image.name());
    workspace = required(WORKSPACE_BYTES);
    blasWorkspace = required(WORKSPACE_BYTES);
    errorWord = required(Long.BYTES);
    stream = newStream();
    blasLt = runtime.blas().openLt(blasWorkspace);
    staging = new Staging(this, driver, stream.handle().address());
    clearErrorWord();
  }

  private Memory required(long bytes) {
    Memory memory = allocate(bytes);
    if (memory == null) {
      throw new TensorException(
          "cuda: device " + ordinal + " has less than " + bytes + " bytes free; end what uses it");
    }
    return memory;
  }

  private CudaStream newStream() {
    Handles.Stream handle = new Handles.Stream();
    CudaErrors.check(
        JCudaDriver.cuStreamCreate(handle, CUstream_flags.CU_STREAM_NON_BLOCKING),
        "creating a stream");
    return new CudaStream(driver, handle, runtime.blas().open(handle, blasWorkspace));
  }

  // ---- what launches are planned with ----

  /** Its number among the devices that the driver shows. */
  int ordinal() {
    return ordinal;
  }

  CudaKernels kernels() {
    return kernels;
  }

  /** How many multiprocessors it has. */
  int multiprocessors() {
    return properties.multiprocessors();
  }

  /**
   * Memory for what passes from one step of a call to the next. Every call may use all of it: calls
   * of several steps go into the stream as a whole.
   */
  Memory workspace() {
    return workspace;
  }

  /**
   * The address of the word into which a kernel puts its number when it meets an index out of
   * range.
   */
  long errorWord() {
    return errorWord.address();
  }

  /** Products with epilogues; null without cublasLt. */
  @Nullable CuBlasLt blasLt() {
    return blasLt;
  }

  /** A line for people. */
  String description() {
    return properties.toString();
  }

  // ---- memory ----

  /** A block, contents undefined; null if the device has no more. */
  @Nullable Memory allocate(long bytes) {
    makeCurrent();
    Handles.DevicePointer pointer = new Handles.DevicePointer();
    int result = JCudaDriver.cuMemAlloc(pointer, Math.max(1, bytes));
    if (result == CudaErrors.OUT_OF_MEMORY) {
      return null;
    }
    check(result, "allocating " + bytes + " bytes");
    return new Memory(pointer.address(), bytes, MemorySegment.NULL);
  }

  /** Gives a block back, after all work that may use it. */
  void free(Memory memory) {
    makeCurrent();
    check(driver.synchronizeStream(stream.handle().address()), "waiting before freeing memory");
    check(JCudaDriver.cuMemFree(Handles.devicePointer(memory.address())), "freeing memory");
  }

  /** Bytes that nobody has allocated now. */
  long freeBytes() {
    makeCurrent();
    long[] free = new long[1];
    long[] total = new long[1];
    check(JCudaDriver.cuMemGetInfo(free, total), "asking for free memory");
    return free[0];
  }

  // ---- work ----

  /** Makes the context current in this OS thread. */
  void makeCurrent() {
    CudaErrors.check(driver.setContext(context.address()), "making the context current");
  }

  /** Enqueues a call. */
  void run(CudaCall call) {
    if (call.steps().size() == 1) {
      makeCurrent();
      call.enqueue(stream);
    } else {
      order.lock();
      try {
        makeCurrent();
        call.enqueue(stream);
      } finally {
        order.unlock();
      }
    }
    ran(call.kernel());
  }

  /** Enqueues a graph. */
  void run(Handles.GraphExec graph, String what) {
    order.lock();
    try {
      makeCurrent();
      check(driver.launchGraph(graph.address(), stream.handle().address()), what);
    } finally {
      order.unlock();
    }
    ran(what);
  }

  private void ran(String what) {
    recent[Math.floorMod(recentAt++, RECENT)] = what;
    if (sync) {
      makeCurrent();
      CudaErrors.check(driver.synchronizeStream(stream.handle().address()), what);
      synchronize();
    }
  }

  /** Something that is done to the stream that captures. */
  interface Capture<T> {
    T with(CudaStream stream);
  }

  /** Captures, one thread at a time, on a stream apart, so that others can go on with theirs. */
  <T> T capture(Capture<T> capture) {
    capturing.lock();
    try {
      makeCurrent();
      CudaStream own = captureStream;
      if (own == null) {
        own = newStream();
        captureStream = own;
      }
      return capture.with(own);
    } finally {
      capturing.unlock();
    }
  }

  // ---- where Java and the device meet ----

  /**
   * Waits for all work.
   *
   * @throws KernelStatusException if a kernel met an index out of range since the last time
   */
  void synchronize() {
    download(workspace.address(), MemorySegment.NULL, 0);
  }

  void upload(MemorySegment source, long target, long bytes) {
    staging.upload(source, target, bytes);
  }

  /** Copies memory of the device, after all work on it; throws as {@link #synchronize}. */
  void download(long source, MemorySegment target, long bytes) {
    long refused = staging.download(source, target, bytes, errorWord.address());
    if (refused != 0) {
      clearErrorWord();
      throw new KernelStatusException(
          kernels.nameOf(refused), KernelStatusException.INDEX_OUT_OF_RANGE);
    }
  }

  private void clearErrorWord() {
    upload(MemorySegment.ofArray(new long[1]), errorWord.address(), Long.BYTES);
  }

  /**
   * Throws unless the driver answered success. What fails while a kernel runs shows at a later
   * call; so the message tells the last kernels.
   */
  void check(int result, String what) {
    if (result == 0) {
      return;
    }
    TensorException failure = CudaErrors.failure(result, what);
    List<String> last = new ArrayList<>();
    for (int i = 0; i < RECENT; i++) {
      String name = recent[Math.floorMod(recentAt + i, RECENT)];
      if (name != null) {
        last.add(name);
      }
    }
    throw last.isEmpty()
        ? failure
        : new TensorException(
            failure.getMessage()
                + "; if a kernel failed, it is one of the last, "
                + String.join(", ", last)
                + ", or one before them: -D"
                + SYNC_PROPERTY
                + "=true finds out which",
            failure);
  }
}
