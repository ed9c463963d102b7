package dev.adjoint.internal;

import dev.adjoint.spi.Memory;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Free blocks by size, last in first out so that the warmest comes back first. The allocator has
 * one for everybody; a captured step has one of its own, whose addresses nobody else may take.
 * Guarded by the allocator's lock.
 */
public final class MemoryPool {
  private final CachingAllocator allocator;
  private final Map<Long, Deque<Memory>> free = new HashMap<>();

  /** The blocks of one size, that of the last request: small steps ask for few sizes. */
  private long recentSize = -1;

  private Deque<Memory> recent = new ArrayDeque<>();
  private boolean closed;
  private int liveStorages;

  /** The recording that takes its memory from here, while it is under way. */
  private volatile @Nullable Recorder recordedBy;

  MemoryPool(CachingAllocator allocator) {
    this.allocator = allocator;
  }

  @Nullable Memory poll(long size) {
    return blocks(size).pollFirst();
  }

  void offer(Memory memory) {
    blocks(memory.bytes()).addFirst(memory);
  }

  private Deque<Memory> blocks(long size) {
    if (size != recentSize) {
      recent = free.computeIfAbsent(size, _ -> new ArrayDeque<>());
      recentSize = size;
    }
    return recent;
  }

  List<Memory> drain() {
    List<Memory> all = new ArrayList<>();
    free.values().forEach(all::addAll);
    free.clear();
    recentSize = -1;
    return all;
  }

  void give(Storage storage) {
    allocator.give(storage);
  }

  void countLive(int change) {
    liveStorages += change;
  }

  /** Storages taken from here that are still held. */
  public int liveStorages() {
    return liveStorages;
  }

  /** Begins or ends (null) a recording that takes its memory from here. */
  void recordedBy(@Nullable Recorder recorder) {
    recordedBy = recorder;
  }

  /**
   * Throws if memory from here belongs to a step that is being recorded elsewhere: what the current
   * thread does with it would be missing in the step.
   */
  void checkThread() {
    Recorder recorder = recordedBy;
    if (recorder != null) {
      recorder.checkThread();
    }
  }

  boolean isClosed() {
    return closed;
  }

  void markClosed() {
    closed = true;
  }
}
