package dev.adjoint.benchmarks.peers;

import java.util.Arrays;
import java.util.List;
import java.util.function.LongToDoubleFunction;
import org.bytedeco.pytorch.AdamW;
import org.bytedeco.pytorch.AdamWOptions;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.SGD;
import org.bytedeco.pytorch.SGDOptions;
import org.bytedeco.pytorch.T_TensorTensor_T;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorArrayRefOptional;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/** LibTorch's C++ functions as the cases need them: with their defaults, and tensors from Java. */
final class Torch {
  private static final double EPS = 1e-5;

  private static final DoubleOptional NO_SCALE = new DoubleOptional();
  private static final DoubleOptional NORM_EPS = new DoubleOptional(EPS);
  private static final TensorOptional NO_MASK = new TensorOptional();
  private static final BoolOptional NO_CHOICE = new BoolOptional();
  private static final TensorArrayRefOptional ALL_INPUTS = new TensorArrayRefOptional();

  private Torch() {}

  /** A new tensor whose element {@code i}, row by row, is a value. */
  static Tensor tensor(String dtype, LongToDoubleFunction value, long... shape) {
    torch.ScalarType type =
        switch (dtype) {
          case "f64" -> torch.ScalarType.Double;
          case "f32" -> torch.ScalarType.Float;
          case "bf16" -> torch.ScalarType.BFloat16;
          default -> torch.ScalarType.Long;
        };
    try (TensorOptions options = new TensorOptions(type)) {
      Tensor tensor = torch.empty(shape, options, null);
      values(tensor, dtype).fill(value);
      return tensor;
    }
  }

  private static Values values(Tensor tensor, String dtype) {
    return Values.at(tensor.data_ptr(), tensor.nbytes(), dtype);
  }

  /** The values that are compared of results one after the other. */
  static double[] pick(String dtype, List<Tensor> results) {
    List<Tensor> dense = results.stream().map(Torch::dense).toList();
    try {
      return Values.pick(dense.stream().map(x -> values(x, dtype)).toList());
    } finally {
      dense.forEach(Tensor::close);
    }
  }

  private static Tensor dense(Tensor x) {
    try (Tensor detached = x.detach()) {
      return detached.contiguous();
    }
  }

  static Tensor layerNorm(Tensor x, Tensor weight, Tensor bias) {
    try (TensorOptional w = new TensorOptional(weight);
        TensorOptional b = new TensorOptional(bias)) {
      return torch.layer_norm(x, new long[] {weight.size(0)}, w, b, EPS, true);
    }
  }

  static Tensor rmsNorm(Tensor x, Tensor weight) {
    try (TensorOptional w = new TensorOptional(weight)) {
      return torch.rms_norm(x, new long[] {weight.size(0)}, w, NORM_EPS);
    }
  }

  static Tensor causalAttention(Tensor query, Tensor key, Tensor value) {
    return torch.scaled_dot_product_attention(query, key, value, NO_MASK, 0, true, NO_SCALE, false);
  }

  /**
   * By {@code max}, whose backward scatters to the places found: 3 times as fast as that of {@code
   * amax}.
   */
  static Tensor maxOfRows(Tensor x) {
    try (T_TensorTensor_T maximaAndPlaces = x.max(1)) {
      return new Tensor(maximaAndPlaces.get0());
    }
  }

  static void backward(Tensor output, Tensor upstream) {
    output.backward(upstream, NO_CHOICE, false, ALL_INPUTS);
  }

  /** Sets gradients to none, as {@code zero_grad} does, also where there is no optimizer. */
  static void dropGradients(Tensor... tensors) {
    for (Tensor tensor : tensors) {
      try (Tensor gradient = tensor.mutable_grad()) {
        gradient.reset();
      }
    }
  }

  static Optimizer sgd(Tensor[] parameters, double rate, double momentum) {
    try (TensorVector list = new TensorVector(parameters);
        SGDOptions options = new SGDOptions(rate)) {
      options.momentum().put(momentum);
      return new SGD(list, options);
    }
  }

  /** Decay .01; betas .9 and .999 and eps 1e-8 are LibTorch's defaults. */
  static Optimizer adamW(Tensor[] parameters, double rate) {
    try (TensorVector list = new TensorVector(parameters);
        AdamWOptions options = new AdamWOptions(rate)) {
      options.weight_decay().put(0.01);
      return new AdamW(list, options);
    }
  }

  static void close(Tensor... tensors) {
    dropGradients(tensors);
    Arrays.stream(tensors).forEach(Tensor::close);
  }
}
