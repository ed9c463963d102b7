package dev.adjoint.internal;

import dev.adjoint.TensorException;
import dev.adjoint.spi.KernelCall;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;

/**
 * Collects the kernel calls of one step while they run. Memory born meanwhile comes from a pool of
 * its own, so that its addresses stay the step's; storages from outside are retained.
 */
public final class Recorder {
  private final DeviceContext context;
  private final MemoryPool pool;
  private final List<KernelCall> calls = new ArrayList<>();
  private final Set<Storage> outside = Collections.newSetFromMap(new IdentityHashMap<>());
  private final Set<Storage> writtenOutside = Collections.newSetFromMap(new IdentityHashMap<>());
  private final Set<Storage> mayEscape = Collections.newSetFromMap(new IdentityHashMap<>());

  public Recorder(DeviceContext context) {
    this.context = context;
    this.pool = context.allocator().newPrivatePool();
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

  void uses(Storage storage, boolean writes) {
    if (storage.pool() == pool) {
      return;
    }
    poolFor(storage.context());
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
