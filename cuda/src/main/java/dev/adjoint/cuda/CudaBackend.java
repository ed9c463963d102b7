package dev.adjoint.cuda;

import dev.adjoint.DType;
import dev.adjoint.TensorException;
import dev.adjoint.spi.Backend;
import dev.adjoint.spi.KernelCall;
import dev.adjoint.spi.Memory;
import dev.adjoint.spi.MemoryLimit;
import dev.adjoint.spi.Replay;
import dev.adjoint.spi.View;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One GPU as a backend: each family of kernels has an interface that plans its launches. */
final class CudaBackend
    implements Backend,
        CudaElementwise,
        CudaReductions,
        CudaGemm,
        CudaNorms,
        CudaLosses,
        CudaAttention,
        CudaIndexing,
        CudaRandom,
        CudaOptimizers {
  private final CudaDevice device;

  CudaBackend(CudaDevice device) {
    this.device = device;
  }

  @Override
  public CudaDevice device() {
    return device;
  }

  @Override
  public String description() {
    return "cuda:" + device.ordinal() + " " + device.description();
  }

  @Override
  public boolean computes(DType floating) {
    return CudaKernels.COMPUTED.contains(floating);
  }

  /** Where rows begin otherwise, products cannot load as much at once as tensor cores want. */
  @Override
  public int rowAlignment() {
    return Grid.PACKET_BYTES;
  }

  @Override
  public boolean multiplies(DType floating) {
    return floating.isFloating();
  }

  @Override
  public boolean attends(DType floating) {
    return CudaAttention.Variants.FLOATING.contains(floating);
  }

  @Override
  public boolean isAsynchronous() {
    return true;
  }

  @Override
  public void synchronize() {
    device.synchronize();
  }

  @Override
  public @Nullable Memory allocate(long bytes) {
    return device.allocate(bytes);
  }

  @Override
  public void free(Memory memory) {
    device.free(memory);
  }

  /** Some is left to the driver, which takes more as kernels need it. */
  @Override
  public long memoryBudget() {
    return MemoryLimit.configured(() -> device.freeBytes() / 10 * 9);
  }

  @Override
  public void download(View contiguous, MemorySegment target) {
    device.download(contiguous.address(), target, byteCount(contiguous));
  }

  @Override
  public void upload(MemorySegment source, View contiguous) {
    device.upload(source, contiguous.address(), byteCount(contiguous));
  }

  private static long byteCount(View view) {
    return view.numel() * view.dtype().bytes();
  }

  @Override
  public Replay compile(List<KernelCall> calls) {
    return new CudaReplay(device, calls.stream().map(this::requireOwn).toList());
  }

  private CudaCall requireOwn(KernelCall call) {
    if (call instanceof CudaCall own && own.device() == device) {
      return own;
    }
    throw new TensorException("compile: " + call.kernel() + " is a call of another backend");
  }
}
