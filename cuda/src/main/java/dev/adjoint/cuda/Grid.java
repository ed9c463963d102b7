package dev.adjoint.cuda;

/** How many threads and blocks launches have. */
final class Grid {
  /** The threads of a block, unless a kernel says otherwise: {@code ADJ_THREADS}. */
  static final int THREADS = 256;

  /** Threads that run in step: {@code ADJ_WARP}. */
  static final int WARP = 32;

  /** The bytes that one instruction of a thread moves at most. */
  static final int PACKET_BYTES = 16;

  /** More would not run at once anyway: threads then go on to further elements. */
  private static final int BLOCKS_PER_MULTIPROCESSOR = 32;

  private Grid() {}

  /** Blocks for so many items, one for each thread; not more than the device has use for. */
  static int blocks(CudaDevice device, long items) {
    long useful = (long) BLOCKS_PER_MULTIPROCESSOR * device.multiprocessors();
    return (int) Math.min(useful, Math.ceilDiv(items, THREADS));
  }

  /**
   * Blocks for so many items, {@code perBlock} in each; as many as a grid may have if they are
   * more, since blocks go on with the items that are left.
   */
  static int of(long items, long perBlock) {
    return (int) Math.min(Integer.MAX_VALUE, Math.ceilDiv(items, perBlock));
  }

  /** How many elements of up to so many bytes each a thread takes at once. */
  static int packet(int bytes) {
    return PACKET_BYTES / bytes;
  }

  /** The least power of two that is not below {@code x}, which is at least 1. */
  static long powerOfTwo(long x) {
    long highest = Long.highestOneBit(x);
    return highest == x ? x : 2 * highest;
  }
}
