package dev.adjoint.cuda;

import dev.adjoint.spi.Kernel;
import dev.adjoint.spi.Scratch;
import dev.adjoint.spi.Gemm;
import dev.adjoint.spi.ElementwiseKernels;
import dev.adjoint.spi.ReductionKernels;
import dev.adjoint.spi.NormKernels;
import dev.adjoint.spi.LossKernels;
import dev.adjoint.spi.AttentionKernels;
import dev.adjoint.spi.IndexKernels;
import dev.adjoint.spi.RandomKernels;
import dev.adjoint.spi.OptimizerKernels;
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

/** One GPU as a backend: each family of kernels has a class that plans its launches. */
final class CudaBackend implements Backend {
  private final CudaDevice device;
  private final CudaElementwise elementwise;
  private final CudaReductions reductions;
  private final CudaGemm products;
  private final CudaNorms norms;
  private final CudaLosses losses;
  private final CudaAttention attention;
  private final CudaIndexing indexing;
  private final CudaRandom random;
  private final CudaOptimizers optimizers;

  CudaBackend(CudaDevice device) {
    this.device = device;
    elementwise = new CudaElementwise(device);
    reductions = new CudaReductions(device);
    products = new CudaGemm(device, elementwise);
    norms = new CudaNorms(device);
    losses = new CudaLosses(device);
    attention = new CudaAttention(device);
    indexing = new CudaIndexing(device);
    random = new CudaRandom(device);
    optimizers = new CudaOptimizers(device);
  }

  CudaDevice device() {
    return device;
  }

  @Override
  public KernelCall call(Kernel kernel, Scratch scratch) {
    return switch (kernel) {
      case ElementwiseKernels k -> elementwise.call(k);
      case ReductionKernels k -> reductions.call(k);
      case Gemm k -> products.call(k, scratch);
      case NormKernels k -> norms.call(k, scratch);
      case LossKernels k -> losses.call(k);
      case AttentionKernels k -> attention.call(k, scratch);
      case IndexKernels k -> indexing.call(k);
      case RandomKernels k -> random.call(k);
      case OptimizerKernels k -> optimizers.call(k);
    };
  }

  /** BF16 too; F16 is only a type of memory, but for products and attention. */
  @Override
  public boolean has(Class<? extends Kernel> kind, DType floating) {
    if (kind == Gemm.class) {
      return floating.isFloating();
    }
    return AttentionKernels.class.isAssignableFrom(kind)
        ? CudaAttention.Variants.FLOATING.contains(floating)
        : CudaKernels.COMPUTED.contains(floating);
  }

  @Override
  public String description() {
    return "cuda:" + device.ordinal() + " " + device.description();
  }

  /** Where rows begin otherwise, products cannot load as much at once as tensor cores want. */
  @Override
  public int rowAlignment() {
    return Grid.PACKET_BYTES;
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
