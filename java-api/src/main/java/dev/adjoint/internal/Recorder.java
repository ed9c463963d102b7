package dev.adjoint.internal;

import dev.adjoint.TensorException;
import dev.adjoint.spi.KernelCall;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;

/**
 * Collects the kernel calls of one step while they run. Memory born meanwhile comes from a pool of
 * its own, so that its addresses stay the step's; storages from outside are retained.
 */
public final class Recorder {
  private static final String ONE_THREAD =
      "Only what the recording thread itself does is recorded: do a step's work on one thread,"
          + " without parallel streams.";

  /** How a thread waits for tasks of fork/join pools; streams use {@code invoke}. */
  private static final Set<String> WAITING = Set.of("invoke", "invokeAll", "join", "get");

  private static final List<Recorder> UNDER_WAY = new CopyOnWriteArrayList<>();

  private final Thread thread = Thread.currentThread();
  private final DeviceContext context;
  private final MemoryPool pool;
  private final List<KernelCall> calls = new ArrayList<>();
  private final Set<Storage> outside = Collections.newSetFromMap(new IdentityHashMap<>());
  private final Set<Storage> writtenOutside = Collections.newSetFromMap(new IdentityHashMap<>());
  private final Set<Storage> mayEscape = Collections.newSetFromMap(new IdentityHashMap<>());
  private final long birthsBefore;
  private volatile @Nullable String helper;

  public Recorder(DeviceContext context) {
    this.context = context;
    this.pool = context.allocator().newPrivatePool();
    this.birthsBefore = context.allocator().births();
  }

  /** From now on the current thread records. */
  public void begin() {
    ThreadState.recorder(this);
    pool.recordedBy(this);
    UNDER_WAY.add(this);
  }

  /** It does so no more. */
  public void end() {
    UNDER_WAY.remove(this);
    pool.recordedBy(null);
    ThreadState.recorder(null);
  }

  // ---- what other threads do meanwhile ----

  /** The recording that a call on the current thread belongs to; null for none. */
  static @Nullable Recorder ofCurrentThread() {
    Recorder own = ThreadState.recorder();
    if (own == null && !UNDER_WAY.isEmpty() && ThreadState.isWorker()) {
      UNDER_WAY.forEach(Recorder::noteWorker);
    }
    return own;
  }

  /**
   * A worker of a fork/join pool, which records nothing, has run a kernel. It did so for the step
   * if the body is inside a parallel stream or waits for another fork/join task. That is found out
   * by looking, since the worker does not know for whom it works.
   */
  private void noteWorker() {
    if (helper != null) {
      return;
    }
    for (StackTraceElement frame : thread.getStackTrace()) {
      String method = frame.getMethodName();
      switch (frame.getClassName()) {
        case "java.util.concurrent.ForkJoinTask", "java.util.concurrent.CompletableFuture" -> {
          if (WAITING.contains(method)) {
            helper = Thread.currentThread().getName();
            return;
          }
        }
        case "dev.adjoint.autograd.CapturedStep" -> {
          return; // what is further out was there before the recording
        }
        default -> {}
      }
    }
  }

  /**
   * Throws if fork/join workers took part: their kernels would be missing in each replay.
   *
   * @throws TensorException naming one of them
   */
  public void checkAlone() {
    String name = helper;
    if (name != null) {
      throw new TensorException(
          "capturedStep: '"
              + name
              + "' ran kernels while the step was in a parallel stream or waited for a fork/join"
              + " task. "
              + ONE_THREAD);
    }
  }

  /** Throws if the current thread is not the one that records. */
  void checkThread() {
    if (ThreadState.recorder() != this) {
      throw new TensorException(
          "capturedStep: '"
              + Thread.currentThread().getName()
              + "' uses a tensor that was born in a step which '"
              + thread.getName()
              + "' is recording. "
              + ONE_THREAD);
    }
  }

  MemoryPool poolFor(DeviceContext wanted) {
    if (wanted != context) {
      throw new TensorException(
          "capturedStep: a step recorded on "
              + context.device()
              + " cannot use "
              + wanted.device());
    }
    return pool;
  }

  void add(KernelCall call) {
    calls.add(call);
  }

  void uses(TensorState tensor, boolean writes) {
    Storage storage = tensor.storage();
    if (storage.pool() == pool) {
      return;
    }
    poolFor(storage.context());
    if (storage.birth() > birthsBefore) {
      throw new TensorException(
          "capturedStep: the step uses a tensor "
              + tensor.view().layout().shape()
              + " that another thread made while the step was being recorded. "
              + ONE_THREAD
              + " A tensor that replays only read can be made before recording.");
    }
    if (outside.add(storage)) {
      storage.retain();
    }
    if (writes) {
      writtenOutside.add(storage);
    }
  }

  /**
   * Declares that a storage born in the step may outlive its recording: an output or a gradient.
   */
  public void mayEscape(Storage storage) {
    if (storage.pool() == pool) {
      mayEscape.add(storage);
    }
  }

  public DeviceContext context() {
    return context;
  }

  public MemoryPool pool() {
    return pool;
  }

  public List<KernelCall> calls() {
    return calls;
  }

  /** Storages born in the step that are still held and that nobody declared. */
  public int undeclared() {
    int declared = 0;
    for (Storage storage : mayEscape) {
      if (storage.isHeld()) {
        declared++;
      }
    }
    return pool.liveStorages() - declared;
  }

  /** After each replay, values saved from before it are stale. */
  public void bumpWritten() {
    writtenOutside.forEach(Storage::bumpVersion);
    mayEscape.forEach(Storage::bumpVersion);
  }

  /** Lets go of everything. */
  public void release() {
    outside.forEach(Storage::release);
    outside.clear();
    writtenOutside.clear();
    mayEscape.clear();
    calls.clear();
    context.allocator().closePool(pool);
  }

  /** Throws if the current thread is recording: reading a value would bake it into the step. */
  public static void forbid(String what) {
    if (ThreadState.recorder() != null) {
      throw new TensorException(
          what
              + ": not possible while a step is being recorded, because a replay would not repeat it;"
              + " do it before recording, or read the step's outputs after it");
    }
  }
}
