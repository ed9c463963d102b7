package dev.adjoint.internal;

import dev.adjoint.Tensor;
import dev.adjoint.spi.Kernel;
import dev.adjoint.spi.KernelCall;
import dev.adjoint.spi.Memory;
import dev.adjoint.spi.Scratch;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The one place where kernels run. It pins every storage around the call, so that a concurrent
 * close or collection can never free memory under a kernel, and shows the call to a recording.
 */
public final class Dispatch {
  private Dispatch() {}

  /** Runs a kernel that writes {@code out} and reads {@code reads}. */
  public static void run(Kernel kernel, Tensor out, @Nullable Tensor... reads) {
    TensorState written = Tensors.state(out);
    written.pin();
    int pinned = 0;
    CallScratch scratch = new CallScratch(written.storage().context(), kernel);
    try {
      for (; pinned < reads.length; pinned++) {
        Tensor read = reads[pinned];
        if (read != null) {
          Tensors.state(read).pin();
        }
      }
      KernelCall call = written.storage().context().backend().call(kernel, scratch);
      call.run();
      Recorder recorder = Recorder.ofCurrentThread();
      if (recorder != null) {
        recorder.add(call);
        recorder.uses(written, true);
        for (Tensor read : reads) {
          if (read != null) {
            recorder.uses(Tensors.state(read), false);
          }
        }
      }
    } finally {
      scratch.release();
      for (int i = 0; i < pinned; i++) {
        Tensor read = reads[i];
        if (read != null) {
          Tensors.state(read).unpin();
        }
      }
      written.unpin();
      Reference.reachabilityFence(out);
      Reference.reachabilityFence(reads);
    }
  }

  /** Runs a kernel that writes several tensors, at least one; null entries are skipped. */
  public static void runAll(
      Kernel kernel,
      List<? extends @Nullable Tensor> writes,
      List<? extends @Nullable Tensor> reads) {
    int pinnedWrites = 0;
    int pinnedReads = 0;
    DeviceContext context = context(writes);
    CallScratch scratch = new CallScratch(context, kernel);
    try {
      for (; pinnedWrites < writes.size(); pinnedWrites++) {
        pin(writes.get(pinnedWrites));
      }
      for (; pinnedReads < reads.size(); pinnedReads++) {
        pin(reads.get(pinnedReads));
      }
      KernelCall call = context.backend().call(kernel, scratch);
      call.run();
      Recorder recorder = Recorder.ofCurrentThread();
      if (recorder != null) {
        recorder.add(call);
        writes.forEach(t -> note(recorder, t, true));
        reads.forEach(t -> note(recorder, t, false));
      }
    } finally {
      scratch.release();
      for (int i = 0; i < pinnedWrites; i++) {
        unpin(writes.get(i));
      }
      for (int i = 0; i < pinnedReads; i++) {
        unpin(reads.get(i));
      }
      Reference.reachabilityFence(writes);
      Reference.reachabilityFence(reads);
    }
  }

  /**
   * The working memory of one call. It goes back to its pool when the call has run: later calls may
   * use it again, since calls run one after another, in a recorded step too.
   */
  private static final class CallScratch implements Scratch {
    private final DeviceContext context;
    private final Kernel kernel;
    private @Nullable Storage first;
    private @Nullable List<Storage> others;

    private CallScratch(DeviceContext context, Kernel kernel) {
      this.context = context;
      this.kernel = kernel;
    }

    @Override
    public Memory take(long bytes) {
      Recorder recorder = ThreadState.recorder();
      MemoryPool pool = recorder == null ? null : recorder.poolFor(context);
      Storage storage = context.allocator().allocate(bytes, pool, kernel.symbol());
      if (first == null) {
        first = storage;
      } else {
        others = others == null ? new ArrayList<>() : others;
        others.add(storage);
      }
      return storage.memory();
    }

    private void release() {
      if (first != null) {
        first.release();
      }
      if (others != null) {
        others.forEach(Storage::release);
      }
    }
  }

  private static DeviceContext context(List<? extends @Nullable Tensor> tensors) {
    for (Tensor tensor : tensors) {
      if (tensor != null) {
        return Tensors.context(tensor);
      }
    }
    throw new IllegalArgumentException("a kernel that writes nothing");
  }

  private static void note(Recorder recorder, @Nullable Tensor tensor, boolean writes) {
    if (tensor != null) {
      recorder.uses(Tensors.state(tensor), writes);
    }
  }

  private static void pin(@Nullable Tensor tensor) {
    if (tensor != null) {
      Tensors.state(tensor).pin();
    }
  }

  private static void unpin(@Nullable Tensor tensor) {
    if (tensor != null) {
      Tensors.state(tensor).unpin();
    }
  }
}
