package dev.adjoint.nativecpu;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.adjoint.TensorException;
import dev.adjoint.spi.KernelStatusException;
import dev.adjoint.spi.Replay;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** A list of calls in native memory, run by one downcall. */
final class NativeReplay implements Replay {
  private static final int WORDS_PER_CALL = 2; // adj_call: kernel, args
  private static final int STATUS_BITS = 8;

  private final MemorySegment function;
  private final List<NativeCall> calls;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment list;

  /**
   * Copies the argument blocks of {@code calls} to where {@code function}, adj_replay, reads them.
   */
  NativeReplay(MemorySegment function, List<NativeCall> calls) {
    this.function = function;
    this.calls = List.copyOf(calls);
    long header = (long) WORDS_PER_CALL * calls.size();
    long total = header + calls.stream().mapToLong(call -> call.words().length).sum();
    list = arena.allocate(JAVA_LONG, total);
    long word = 0;
    long block = header;
    for (NativeCall call : calls) {
      list.setAtIndex(JAVA_LONG, word++, call.target().function().address());
      list.setAtIndex(JAVA_LONG, word++, list.address() + block * Long.BYTES);
      long[] words = call.words();
      MemorySegment.copy(words, 0, list, JAVA_LONG, block * Long.BYTES, words.length);
      block += words.length;
    }
  }

  @Override
  public void run() {
    if (!arena.scope().isAlive()) {
      throw new TensorException("replay: it has been closed");
    }
    long failure = Downcalls.replay(function, list, calls.size());
    if (failure >= 0) {
      NativeCall failed = calls.get((int) (failure >> STATUS_BITS));
      throw new KernelStatusException(failed.kernel(), (int) (failure & ((1 << STATUS_BITS) - 1)));
    }
  }

  /** Closing it while another thread runs it throws and changes nothing. */
  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }
}
