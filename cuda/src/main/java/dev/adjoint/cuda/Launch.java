package dev.adjoint.cuda;

import dev.adjoint.TensorException;

/**
 * One launch of a kernel. Immutable: it may be enqueued many times, from any thread.
 *
 * @param kernel the kernel
 * @param words its parameter block, as kernels.h and cuda_args.h lay it out; may be shorter than
 *     the block where a list at its end is not full; never changed after this
 * @param gridX blocks in x; a grid without blocks does nothing
 * @param gridY blocks in y
 * @param block threads of a block
 * @param sharedBytes dynamic shared memory of a block
 */
@SuppressWarnings("ArrayRecordComponent") // identity is all that anyone needs of a launch
record Launch(CudaKernel kernel, long[] words, int gridX, int gridY, int block, int sharedBytes)
    implements CudaCall.Step {
  Launch {
    if (words.length > kernel.parameterWords()) {
      throw new TensorException(
          "cuda: "
              + kernel.name()
              + " takes a parameter block of "
              + kernel.parameterWords()
              + " words, not of "
              + words.length);
    }
  }

  @Override
  public void enqueue(CudaStream stream) {
    if (gridX > 0 && gridY > 0) {
      stream.launch(this);
    }
  }
}
