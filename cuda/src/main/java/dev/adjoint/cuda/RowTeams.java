package dev.adjoint.cuda;

import dev.adjoint.DType;

/**
 * How a launch deals out the rows of a matrix to teams of threads, as {@code rows.cuh} explains:
 * narrow rows to some lanes of a warp, wider ones to a warp, the widest to a block. Depends on the
 * row alone, so results do too.
 *
 * @param team threads for a row: a power of two up to a warp, or the block
 * @param block threads of a block
 * @param pitch elements of shared memory for each row that a team keeps; 0 if there is no room,
 *     then the block is one team
 * @param sharedBytes shared memory of a block
 */
record RowTeams(int team, int block, long pitch, int sharedBytes) {

  /** What a lane of a warp takes at most before a row gets a block. */
  private static final int LANE_PACKETS = 8;

  /** Of a block that takes wider rows, as long as it does not grow for that. */
  private static final int THREAD_PACKETS = 4;

  private static final int SMALL_BLOCK = 128;
  private static final int LARGE_BLOCK = 512;

  /** Without asking for more, a block has 48 KiB; reductions need some of it. */
  private static final long SHARED_BYTES = 47 << 10;

  /**
   * The teams for rows of {@code cols} elements.
   *
   * @param kept how many rows a team would like to keep in shared memory
   * @param sums how many rows of sums beside them
   */
  static RowTeams of(DType dtype, long cols, int kept, int sums) {
    long packet = Grid.packet(dtype.bytes());
    long packets = Math.ceilDiv(cols, packet);
    // A row may begin in the middle of a packet.
    long pitch = Math.ceilDiv(cols + packet - 1, packet) * packet;
    long keptBytes = pitch * (kept * dtype.bytes() + sums * dtype.widened().bytes());
    int lanes = (int) Math.min(Grid.WARP, Grid.powerOfTwo(Math.max(1, packets)));
    int narrowBytes = (int) Math.min(Integer.MAX_VALUE, keptBytes * (SMALL_BLOCK / lanes));
    if (packets <= LANE_PACKETS * Grid.WARP && narrowBytes <= SHARED_BYTES) {
      return new RowTeams(lanes, SMALL_BLOCK, pitch, narrowBytes);
    }
    int block =
        Math.clamp(
            Grid.powerOfTwo(Math.ceilDiv(packets, THREAD_PACKETS)), SMALL_BLOCK, LARGE_BLOCK);
    return keptBytes <= SHARED_BYTES
        ? new RowTeams(block, block, pitch, (int) keptBytes)
        : new RowTeams(block, block, 0, 0);
  }

  /** How many teams a block has. */
  int teams() {
    return block / team;
  }

  /** A launch for {@code rows} rows; the kernel's words, which end with these teams. */
  Launch launch(CudaKernel kernel, long[] words, long rows) {
    return new Launch(kernel, words, Grid.of(rows, teams()), 1, block, sharedBytes);
  }

  /** {@code words} with {@code adj_rows} behind them. */
  long[] behind(long[] words) {
    return Words.join(words, team, pitch);
  }
}
