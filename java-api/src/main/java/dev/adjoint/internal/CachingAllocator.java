package dev.adjoint.internal;

import dev.adjoint.MemoryUse;
import dev.adjoint.OutOfMemoryException;
import dev.adjoint.spi.Backend;
import dev.adjoint.spi.Memory;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Memory of one device: blocks that become free are kept and handed out again, so that the next
 * step finds its buffers warm. One class for every device; the backend only gives and takes raw
 * blocks.
 */
public final class CachingAllocator {
  private static final long SMALLEST = 64;
  private static final int COLLECTIONS_BEFORE_FAILURE = 5;

  private final Backend backend;
  private final DeviceContext context;
  private final ReentrantLock lock = new ReentrantLock();
  private final MemoryPool shared = new MemoryPool(this);
  private final Budget budget;
  private final boolean traced = LeakDetector.isEnabled();
  private @Nullable Storage live;
  private long liveBytes;
  private long liveCount;
  private long cachedBytes;

  /** Of these, what is kept in captured steps for their replays, and cannot be given to others. */
  private long parkedBytes;

  private long births;
  private long peakBytes;
  private long unscopedBytes;
  private long unscopedAtLastCollection;

  /** An allocator of a device that has a budget, or a share in one. */
  static CachingAllocator of(DeviceContext context, Backend backend, Budget budget) {
    CachingAllocator allocator = new CachingAllocator(context, backend, budget);
    budget.share(allocator);
    return allocator;
  }

  private CachingAllocator(DeviceContext context, Backend backend, Budget budget) {
    this.context = context;
    this.backend = backend;
    this.budget = budget;
  }

  /**
   * Sizes are rounded up to eighths of a power of two: at most 12.5 % is lost, and blocks fit
   * again.
   */
  static long roundUp(long bytes) {
    if (bytes <= SMALLEST) {
      return SMALLEST;
    }
    long step = Math.max(SMALLEST, Long.highestOneBit(bytes - 1) >>> 3);
    return (bytes + step - 1) / step * step;
  }

  /** A pool for one captured step. */
  MemoryPool newPrivatePool() {
    return new MemoryPool(this);
  }

  /** How many storages it has given out so far. */
  long births() {
    lock.lock();
    try {
      return births;
    } finally {
      lock.unlock();
    }
  }

  /**
   * A storage of at least {@code bytes}, contents undefined.
   *
   * @param pool where to look first, then in the shared one, and where it returns to; null for the
   *     shared pool
   * @throws OutOfMemoryException if the budget does not allow it
   */
  Storage allocate(long bytes, @Nullable MemoryPool pool, Object label) {
    if (bytes > budget.bytes()) {
      throw outOfMemory(bytes, true);
    }
    Dropped.closeFound();
    long size = roundUp(bytes);
    boolean collected = true;
    MemoryPool home = pool == null ? shared : pool;
    for (int attempt = 0; ; attempt++) {
      Storage storage = tryAllocate(size, home, label);
      if (storage == null && budget.drainOthers(this)) {
        storage = tryAllocate(size, home, label);
      }
      if (storage != null) {
        return storage;
      }
      if (attempt == COLLECTIONS_BEFORE_FAILURE) {
        throw outOfMemory(bytes, collected);
      }
      collected = Dropped.collect(10L << attempt);
    }
  }

  private @Nullable Storage tryAllocate(long size, MemoryPool home, Object label) {
    lock.lock();
    try {
      Memory memory = home.poll(size);
      if (memory != null && home != shared) {
        parkedBytes -= size;
      }
      if (memory == null && home != shared) {
        memory = shared.poll(size); // what the eager steps before a recording have left, warm
      }
      if (memory != null) {
        cachedBytes -= size;
      } else {
        if (!budget.take(size)) {
          drainShared();
          if (!budget.take(size)) {
            return null;
          }
        }
        memory = backend.allocate(size);
        if (memory == null) {
          drainShared();
          memory = backend.allocate(size);
        }
        if (memory == null) {
          budget.giveBack(size);
          return null;
        }
      }
      Storage storage = new Storage(memory, context, home, ++births);
      storage.label = traced ? LeakDetector.describe(label) : label;
      storage.next = live;
      if (live != null) {
        live.previous = storage;
      }
      live = storage;
      liveBytes += size;
      liveCount++;
      home.countLive(1);
      peakBytes = Math.max(peakBytes, liveBytes + parkedBytes);
      return storage;
    } finally {
      lock.unlock();
    }
  }

  void give(Storage storage) {
    lock.lock();
    try {
      if (storage.previous != null) {
        storage.previous.next = storage.next;
      } else {
        live = storage.next;
      }
      if (storage.next != null) {
        storage.next.previous = storage.previous;
      }
      storage.previous = null;
      storage.next = null;
      long size = storage.memory().bytes();
      liveBytes -= size;
      liveCount--;
      MemoryPool home = storage.pool();
      home.countLive(-1);
      cachedBytes += size;
      if (home.isClosed()) {
        home = shared;
      } else if (home != shared) {
        parkedBytes += size;
      }
      home.offer(storage.memory());
    } finally {
      lock.unlock();
    }
  }

  /** Hands a private pool's free blocks to everybody; those still held follow when released. */
  void closePool(MemoryPool pool) {
    lock.lock();
    try {
      pool.markClosed();
      for (Memory memory : pool.drain()) {
        parkedBytes -= memory.bytes();
        shared.offer(memory);
      }
    } finally {
      lock.unlock();
    }
  }

  /** Gives every free block of the shared pool back to the device. */
  public void drain() {
    Dropped.closeFound();
    lock.lock();
    try {
      drainShared();
    } finally {
      lock.unlock();
    }
  }

  private void drainShared() {
    for (Memory memory : shared.drain()) {
      cachedBytes -= memory.bytes();
      backend.free(memory);
      budget.giveBack(memory.bytes());
    }
  }

  /**
   * Notes bytes that only the collector will give back. When they have grown by a quarter of the
   * budget, it is asked to run: it sees tiny handles, not the blocks behind them.
   */
  void unscoped(long change) {
    boolean collect;
    lock.lock();
    try {
      unscopedBytes += change;
      unscopedAtLastCollection = Math.min(unscopedAtLastCollection, unscopedBytes);
      collect = unscopedBytes - unscopedAtLastCollection > budget.bytes() / 4;
      if (collect) {
        unscopedAtLastCollection = unscopedBytes;
      }
    } finally {
      lock.unlock();
    }
    if (collect) {
      Dropped.collect(1);
    }
  }

  /** Bytes that only the collector will give back. */
  long unscopedBytes() {
    lock.lock();
    try {
      return unscopedBytes;
    } finally {
      lock.unlock();
    }
  }

  private OutOfMemoryException outOfMemory(long bytes, boolean collected) {
    StringBuilder text = new StringBuilder();
    boolean overBudget;
    boolean steps;
    lock.lock();
    try {
      steps = parkedBytes > 0;
      long others = budget.held() - liveBytes - cachedBytes;
      overBudget = bytes > budget.bytes() || roundUp(bytes) > budget.bytes() - budget.held();
      text.append("allocate: ").append(human(bytes)).append(" more on ").append(context.device());
      text.append(
          overBudget
              ? " would exceed the budget of " + human(budget.bytes())
              : " is more than it has left");
      text.append(" (").append(human(liveBytes)).append(" live in ").append(liveCount);
      text.append(" storages");
      if (parkedBytes > 0) {
        text.append(", ").append(human(parkedBytes)).append(" kept by captured steps to replay");
      }
      if (others > 0) {
        text.append("; other devices that share it hold ").append(human(others));
      }
      text.append("); the largest:");
      liveStorages().stream().limit(8).forEach(line -> text.append("\n  ").append(line));
    } finally {
      lock.unlock();
    }
    text.append("\nClose tensors");
    text.append(steps ? " and captured steps" : "");
    text.append(" earlier (Scope.tidy), or use a smaller batch");
    text.append(overBudget ? ", or raise -Dadjoint.memory." : ".");
    if (!collected) {
      text.append(
          "\nJava did not collect when asked to, so dropped tensors may still hold memory:"
              + " remove -XX:+DisableExplicitGC, or close every tensor.");
    }
    return new OutOfMemoryException(text.toString());
  }

  private static String human(long bytes) {
    if (bytes < 1024) {
      return bytes + " B";
    }
    double value = bytes;
    String[] units = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    int unit = 0;
    while (value >= 1024) {
      value /= 1024;
      unit++;
    }
    return String.format(Locale.ROOT, "%.1f %s", value, units[unit]);
  }

  /** What is in use now. */
  public MemoryUse use() {
    Dropped.closeFound();
    lock.lock();
    try {
      return new MemoryUse(
          liveBytes + parkedBytes, liveCount, cachedBytes - parkedBytes, peakBytes, budget.bytes());
    } finally {
      lock.unlock();
    }
  }

  /** One line for each live storage, the largest first: for finding leaks. */
  public List<String> liveStorages() {
    Dropped.closeFound();
    lock.lock();
    try {
      List<Storage> held = new ArrayList<>();
      for (Storage s = live; s != null; s = s.next) {
        held.add(s);
      }
      held.sort(Comparator.comparingLong((Storage s) -> s.memory().bytes()).reversed());
      return held.stream().map(s -> human(s.memory().bytes()) + "  " + s.label).toList();
    } finally {
      lock.unlock();
    }
  }
}
