package dev.adjoint.internal;

import dev.adjoint.Tensor;
import dev.adjoint.spi.KernelCall;
import java.lang.ref.Reference;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The one place where kernels run. It pins every storage around the call, so that a concurrent
 * close or collection can never free memory under a kernel, and shows the call to a recording.
 */
public final class Dispatch {
  private Dispatch() {}

  /** Runs a call that writes {@code out} and reads {@code reads}. */
  public static void run(KernelCall call, Tensor out, @Nullable Tensor... reads) {
    TensorState written = Tensors.state(out);
    written.pin();
    int pinned = 0;
    try {
      for (; pinned < reads.length; pinned++) {
        Tensor read = reads[pinned];
        if (read != null) {
          Tensors.state(read).pin();
        }
      }
      call.run();
      Recorder recorder = ThreadState.recorder();
      if (recorder != null) {
        recorder.add(call);
        recorder.uses(written.storage(), true);
        for (Tensor read : reads) {
          if (read != null) {
            recorder.uses(Tensors.state(read).storage(), false);
          }
        }
      }
    } finally {
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

  /** Runs a call that writes several tensors; null entries are skipped. */
  public static void runAll(
      KernelCall call,
      List<? extends @Nullable Tensor> writes,
      List<? extends @Nullable Tensor> reads) {
    int pinnedWrites = 0;
    int pinnedReads = 0;
    try {
      for (; pinnedWrites < writes.size(); pinnedWrites++) {
        pin(writes.get(pinnedWrites));
      }
      for (; pinnedReads < reads.size(); pinnedReads++) {
        pin(reads.get(pinnedReads));
      }
      call.run();
      Recorder recorder = ThreadState.recorder();
      if (recorder != null) {
        recorder.add(call);
        writes.forEach(t -> note(recorder, t, true));
        reads.forEach(t -> note(recorder, t, false));
      }
    } finally {
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

  private static void note(Recorder recorder, @Nullable Tensor tensor, boolean writes) {
    if (tensor != null) {
      recorder.uses(Tensors.state(tensor).storage(), writes);
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
