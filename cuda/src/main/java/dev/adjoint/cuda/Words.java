package dev.adjoint.cuda;

import java.util.Arrays;

/** Parameter blocks of {@code cuda_args.h}: those of {@code kernels.h} with more words behind. */
final class Words {
  private Words() {}

  /** {@code head}, then {@code tail}. */
  static long[] join(long[] head, long... tail) {
    long[] words = Arrays.copyOf(head, head.length + tail.length);
    System.arraycopy(tail, 0, words, head.length, tail.length);
    return words;
  }
}
