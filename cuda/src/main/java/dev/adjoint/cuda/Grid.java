package dev.adjoint.cuda;

/** Sizes of grids. */
final class Grid {
  private Grid() {}

  /**
   * Blocks for so many items, {@code perBlock} in each; never more than a grid may have, since
   * kernels go on with the items that are left.
   */
  static int of(long items, long perBlock) {
    return (int) Math.min(Integer.MAX_VALUE, Math.ceilDiv(items, perBlock));
  }
}
