package dev.adjoint.cuda;

import dev.adjoint.spi.View;
import java.util.ArrayList;
import java.util.List;

/**
 * Launches of kernels that take lists of tensors, as many in one launch as its parameter block has
 * room for. Each block of a launch works on one chunk of one tensor.
 */
final class TensorLists {
  /** The elements of a chunk: {@code ADJ_CHUNK}. */
  static final long CHUNK = 16384;

  private TensorLists() {}

  /** The parameter block for the tensors from one number to before another. */
  interface Words {
    long[] of(int from, int to, long blocksBefore);
  }

  /**
   * The launches for all tensors.
   *
   * @param views a tensor of each row of lists; all of a row are of one length
   * @param headWords the words of the parameter block before the list
   * @param wordsEach the words of the list for each row
   */
  static List<Launch> launches(
      CudaKernel kernel, List<View> views, int headWords, int wordsEach, Words words) {
    List<Launch> launches = new ArrayList<>();
    int room = (kernel.parameterWords() - headWords) / wordsEach;
    long before = 0;
    for (int from = 0; from < views.size(); from += room) {
      int to = Math.min(from + room, views.size());
      long blocks = chunks(views.subList(from, to));
      int grid = Math.toIntExact(blocks);
      launches.add(new Launch(kernel, words.of(from, to, before), grid, 1, Grid.THREADS, 0));
      before += blocks;
    }
    return launches;
  }

  /** How many chunks, and so blocks, there are. */
  static long chunks(List<View> views) {
    long chunks = 0;
    for (View view : views) {
      chunks += Math.ceilDiv(view.numel(), CHUNK);
    }
    return chunks;
  }
}
