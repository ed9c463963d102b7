package dev.adjoint.internal;

import dev.adjoint.Device;
import dev.adjoint.spi.Memory;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * A block of memory with a retain count: handles, saved values and running kernels each hold one.
 * The last release gives the block back to the pool it came from.
 */
public final class Storage {
  private static final VarHandle COUNT;
  private static final VarHandle VERSION;

  static {
    try {
      COUNT = MethodHandles.lookup().findVarHandle(Storage.class, "count", int.class);
      VERSION = MethodHandles.lookup().findVarHandle(Storage.class, "version", int.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final Memory memory;
  private final DeviceContext context;
  private final MemoryPool pool;
  private final long birth;
  private volatile int count = 1;
  private volatile int version;

  /** How many open tensors look at this storage; in-place recording needs to know. */
  private final AtomicInteger handles = new AtomicInteger();

  // Links of the allocator's list of live storages, under its lock.
  @Nullable Storage previous;
  @Nullable Storage next;
  Object label = "";

  Storage(Memory memory, DeviceContext context, MemoryPool pool, long birth) {
    this.birth = birth;
    this.memory = memory;
    this.context = context;
    this.pool = pool;
  }

  public Memory memory() {
    return memory;
  }

  public DeviceContext context() {
    return context;
  }

  public Device device() {
    return context.device();
  }

  public MemoryPool pool() {
    return pool;
  }

  /** Its number among all that the device's allocator has given out. */
  long birth() {
    return birth;
  }

  /** Counts in-place writes, so that a stale saved value is found out. */
  public int version() {
    return version;
  }

  public void bumpVersion() {
    VERSION.getAndAdd(this, 1);
  }

  /** Takes a hold unless the last one is gone already. */
  public boolean tryRetain() {
    int seen = count;
    while (seen > 0) {
      int witness = (int) COUNT.compareAndExchange(this, seen, seen + 1);
      if (witness == seen) {
        return true;
      }
      seen = witness;
    }
    return false;
  }

  public void retain() {
    if (!tryRetain()) {
      throw new IllegalStateException("storage was freed");
    }
  }

  public void release() {
    int before = (int) COUNT.getAndAdd(this, -1);
    if (before == 1) {
      pool.give(this);
    } else if (before <= 0) {
      throw new IllegalStateException("storage was released more often than retained");
    }
  }

  /** Whether the caller's hold is the only one, so that the memory may be taken over. */
  public boolean isExclusive() {
    return count == 1;
  }

  boolean isHeld() {
    return count > 0;
  }

  void addHandle() {
    handles.incrementAndGet();
  }

  void removeHandle() {
    handles.decrementAndGet();
  }

  /** Whether more than one open tensor looks at this memory. */
  public boolean isAliased() {
    return handles.get() > 1;
  }
}
