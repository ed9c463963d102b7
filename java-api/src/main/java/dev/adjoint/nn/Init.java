package dev.adjoint.nn;

import dev.adjoint.Adjoint;
import dev.adjoint.DType;
import dev.adjoint.Device;
import dev.adjoint.Scope;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import dev.adjoint.autograd.GradMode;
import dev.adjoint.ops.Random;
import java.util.function.Supplier;

/**
 * First values of parameters, written in place and outside any graph; PyTorch's {@code nn.init}.
 * Numbers come from the default generator of the tensor's device. Tensors are of a floating type;
 * random numbers for 16-bit ones are those of F32, rounded.
 */
public final class Init {
  private static final ScopedValue<Boolean> SKIPPED = ScopedValue.newInstance();
  private static final ScopedValue<DType> DTYPE = ScopedValue.newInstance();
  private static final ScopedValue<Device> DEVICE = ScopedValue.newInstance();

  private Init() {}

  /** Which of a weight's two fans sets the variance. */
  public enum Fan {
    /** Inputs of a unit: keeps the variance of activations. */
    IN,
    /** Outputs: keeps the variance of gradients. */
    OUT
  }

  /** How much a function shrinks the standard deviation: the factor that makes up for it. */
  public enum Gain {
    /** No activation, or a sigmoid. */
    LINEAR(1),
    /** tanh. */
    TANH(5.0 / 3),
    /** ReLU, and its smooth relatives GELU and SiLU. */
    RELU(Math.sqrt(2));

    private final double factor;

    Gain(double factor) {
      this.factor = factor;
    }

    /** The factor. */
    public double factor() {
      return factor;
    }
  }

  /**
   * Makes a module without computing the random first values of its parameters, which is most of
   * the time that a large one takes: for a module whose parameters are loaded right after. Until
   * then they hold what they were made with, zeros in the modules of this library. Generators go on
   * as if the values had been drawn, so what is random later is the same.
   *
   * @param make makes it, on this thread
   * @return what {@code make} returns
   */
  public static <M extends NeuralModule> M skip(Supplier<M> make) {
    return ScopedValue.where(SKIPPED, true).call(make::get);
  }

  /**
   * Makes a module whose parameters are of another type than F32. They are made in that type at
   * once: {@code Init.as(DType.F64, () -> new Linear(2, 3))}.
   *
   * @param dtype a floating type
   * @param make makes it, on this thread
   * @return what {@code make} returns
   * @throws TensorException if the type is not floating
   */
  public static <M extends NeuralModule> M as(DType dtype, Supplier<M> make) {
    if (!dtype.isFloating()) {
      throw new TensorException(
          "init: parameters are of a floating type such as F32, they cannot be " + dtype);
    }
    return ScopedValue.where(DTYPE, dtype).call(make::get);
  }

  /**
   * Makes a module whose parameters are on another device than the default one: {@code
   * Init.on(Device.cuda(), () -> new Linear(2, 3))}.
   *
   * @param make makes it, on this thread
   * @return what {@code make} returns
   */
  public static <M extends NeuralModule> M on(Device device, Supplier<M> make) {
    return ScopedValue.where(DEVICE, device).call(make::get);
  }

  /**
   * Zeros for a new parameter: F32 on the default device, unless {@link #as} or {@link #on} says
   * otherwise.
   */
  public static Tensor zeros(long... sizes) {
    return constant(0, sizes);
  }

  /**
   * Ones for a new parameter: F32 on the default device, unless {@link #as} or {@link #on} says
   * otherwise.
   */
  public static Tensor ones(long... sizes) {
    return constant(1, sizes);
  }

  private static Tensor constant(double value, long... sizes) {
    Device device = DEVICE.isBound() ? DEVICE.get() : Adjoint.defaultDevice();
    return Tensor.full(Shape.of(sizes), value, DTYPE.orElse(DType.F32), device);
  }

  /** Zeros. */
  public static Tensor zeros_(Tensor tensor) {
    return constant_(tensor, 0);
  }

  /** Ones. */
  public static Tensor ones_(Tensor tensor) {
    return constant_(tensor, 1);
  }

  /** One value everywhere. */
  public static Tensor constant_(Tensor tensor, double value) {
    try (var _ = GradMode.off()) {
      return tensor.fill_(value);
    }
  }

  /** Uniform on [low, high). */
  public static Tensor uniform_(Tensor tensor, double low, double high) {
    return fill(tensor, () -> uniform(tensor, low, high, drawn(tensor)));
  }

  /** Normal. */
  public static Tensor normal_(Tensor tensor, double mean, double std) {
    return fill(
        tensor,
        () ->
            Random.normal(
                tensor.shape(),
                mean,
                std,
                drawn(tensor),
                tensor.device(),
                Adjoint.generator(tensor.device())));
  }

  /**
   * Normal with everything outside [low, high] cut away, the rest keeping its proportions: the
   * inverse of the distribution function, computed in float64.
   *
   * @throws TensorException if low is not less than high, or std not positive
   */
  public static Tensor truncatedNormal_(
      Tensor tensor, double mean, double std, double low, double high) {
    if (!(low < high && std > 0)) {
      throw new TensorException(
          "truncatedNormal_: needs low < high and std > 0, got ["
              + low
              + ", "
              + high
              + "] and std "
              + std);
    }
    double scale = std * Math.sqrt(2);
    return fill(
        tensor,
        () -> {
          Tensor bounds =
              Tensor.of(new double[] {(low - mean) / scale, (high - mean) / scale}).erf();
          Tensor y = uniform(tensor, bounds.get(0), bounds.get(1), DType.F64);
          return inverseErf(y).mul(scale).add(mean).clamp(low, high);
        });
  }

  /** Winitzki's approximation (2008), within 0.002, then Newton steps, each squaring the error. */
  private static Tensor inverseErf(Tensor y) {
    double a = 0.147;
    Tensor inside = y.clamp(Math.nextUp(-1.0), Math.nextDown(1.0));
    Tensor log = inside.square().rsub(1).log();
    Tensor half = log.mul(0.5).add(2 / (Math.PI * a));
    Tensor size = half.square().sub(log.div(a)).sqrt().sub(half).sqrt();
    Tensor x = Tensor.where(inside.lt(0), size.neg(), size);
    for (int i = 0; i < 3; i++) {
      x = x.sub(x.erf().sub(inside).mul(x.square().exp()).mul(Math.sqrt(Math.PI) / 2));
    }
    return x;
  }

  /** Uniform of variance gain² · 2 / (fan in + fan out) (Glorot and Bengio 2010). */
  public static Tensor xavierUniform_(Tensor tensor, Gain gain) {
    double bound = Math.sqrt(3) * xavierStd(tensor, gain);
    return uniform_(tensor, -bound, bound);
  }

  /** Normal of variance gain² · 2 / (fan in + fan out) (Glorot and Bengio 2010). */
  public static Tensor xavierNormal_(Tensor tensor, Gain gain) {
    return normal_(tensor, 0, xavierStd(tensor, gain));
  }

  /** Uniform of variance gain² / fan (He et al. 2015). */
  public static Tensor kaimingUniform_(Tensor tensor, Fan fan, Gain gain) {
    double bound = Math.sqrt(3) * kaimingStd(tensor, fan, gain);
    return uniform_(tensor, -bound, bound);
  }

  /** Normal of variance gain² / fan (He et al. 2015). */
  public static Tensor kaimingNormal_(Tensor tensor, Fan fan, Gain gain) {
    return normal_(tensor, 0, kaimingStd(tensor, fan, gain));
  }

  private static double xavierStd(Tensor weight, Gain gain) {
    return gain.factor() * Math.sqrt(2.0 / (fan(weight, Fan.IN) + fan(weight, Fan.OUT)));
  }

  private static double kaimingStd(Tensor weight, Fan fan, Gain gain) {
    return gain.factor() / Math.sqrt((double) fan(weight, fan));
  }

  /** Of a weight [out, in, …]: further dimensions are a convolution's window. */
  private static long fan(Tensor weight, Fan fan) {
    if (weight.rank() < 2 || weight.numel() == 0) {
      throw new TensorException(
          "init: the fans of a weight need [out, in, …], none of them 0; got " + weight.shape());
    }
    return weight.numel() / weight.size(fan == Fan.IN ? 0 : 1);
  }

  private static Tensor uniform(Tensor like, double low, double high, DType dtype) {
    return Random.uniform(
        like.shape(), low, high, dtype, like.device(), Adjoint.generator(like.device()));
  }

  /** The type of the numbers that are drawn for a tensor. */
  private static DType drawn(Tensor tensor) {
    return tensor.dtype().isHalf() ? DType.F32 : tensor.dtype();
  }

  /** Fills a tensor with what one operation of the generator draws. */
  private static Tensor fill(Tensor tensor, Supplier<Tensor> values) {
    if (SKIPPED.orElse(false)) {
      Adjoint.generator(tensor.device()).skip(1);
      return tensor;
    }
    try (var _ = GradMode.off();
        var _ = Scope.open()) {
      return tensor.copy_(values.get().to(tensor.dtype()));
    }
  }
}
