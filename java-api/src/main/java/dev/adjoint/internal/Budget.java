package dev.adjoint.internal;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;

/**
 * How many bytes the devices of one memory may hold together, in use and in their caches. A GPU has
 * one of its own; the variants of the CPU share one.
 */
final class Budget {
  private final long bytes;
  private final AtomicLong held = new AtomicLong();
  private final List<CachingAllocator> sharers = new CopyOnWriteArrayList<>();

  Budget(long bytes) {
    this.bytes = bytes;
  }

  long bytes() {
    return bytes;
  }

  /** What all sharers hold. */
  long held() {
    return held.get();
  }

  void share(CachingAllocator sharer) {
    sharers.add(sharer);
  }

  /** Counts bytes as held, if that many are left. */
  boolean take(long size) {
    long before;
    do {
      before = held.get();
      if (size > bytes - before) {
        return false;
      }
    } while (!held.compareAndSet(before, before + size));
    return true;
  }

  void giveBack(long size) {
    held.addAndGet(-size);
  }

  /**
   * Empties the caches of the other sharers; the caller must not hold its own lock, or two of them
   * would wait for each other.
   *
   * @return whether there are others
   */
  boolean drainOthers(CachingAllocator own) {
    boolean any = false;
    for (CachingAllocator sharer : sharers) {
      if (sharer != own) {
        sharer.drain();
        any = true;
      }
    }
    return any;
  }
}
