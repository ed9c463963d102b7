package dev.adjoint.cuda;

import org.jspecify.annotations.Nullable;

/**
 * Copies whose source is dense along another dimension than their target: those go through tiles in
 * shared memory.
 *
 * @param words {@code adj_unary_args} with the loop along which the source is dense last but one,
 *     and that of the target last
 * @param tiles how many there are, one for each block
 */
@SuppressWarnings("ArrayRecordComponent") // identity is all that anyone needs of a plan
record TransposedCopy(long[] words, long tiles) {
  private static final int X = 0;
  private static final int OUT = 1;
  private static final int DEPTH = 2;
  private static final int TILE = 32;

  /** Loops so short would leave most of a tile empty. */
  private static final int SHORTEST = TILE / 4;

  /** The plan of a copy with this parameter block; null if it is no such copy. */
  static @Nullable TransposedCopy of(long[] words) {
    int depth = (int) words[DEPTH];
    int inner = denseLoop(words, OUT);
    int across = denseLoop(words, X);
    if (inner < 0
        || across < 0
        || inner == across
        || stride(words, X, inner) == 0
        || Math.min(size(words, inner), size(words, across)) < SHORTEST) {
      return null;
    }
    long[] sorted = words.clone();
    long tiles = 1;
    int place = 0;
    for (int loop = 0; loop < depth; loop++) {
      if (loop != inner && loop != across) {
        move(words, loop, sorted, place++);
        tiles *= size(words, loop);
      }
    }
    move(words, across, sorted, place++);
    move(words, inner, sorted, place);
    tiles *= Math.ceilDiv(size(words, across), TILE) * Math.ceilDiv(size(words, inner), TILE);
    return new TransposedCopy(sorted, tiles);
  }

  /** The innermost loop of stride 1; -1 if there is none. */
  private static int denseLoop(long[] words, int operand) {
    int loop = (int) words[DEPTH] - 1;
    while (loop >= 0 && stride(words, operand, loop) != 1) {
      loop--;
    }
    return loop;
  }

  private static long size(long[] words, int loop) {
    return words[DEPTH + 1 + loop];
  }

  private static long stride(long[] words, int operand, int loop) {
    int depth = (int) words[DEPTH];
    return words[DEPTH + 1 + depth * (1 + operand) + loop];
  }

  private static void move(long[] from, int loop, long[] to, int place) {
    int depth = (int) from[DEPTH];
    for (int k = 0; k < 3; k++) { // the size and both strides
      to[DEPTH + 1 + depth * k + place] = from[DEPTH + 1 + depth * k + loop];
    }
  }
}
