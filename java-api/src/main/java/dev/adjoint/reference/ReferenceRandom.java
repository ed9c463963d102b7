package dev.adjoint.reference;

import dev.adjoint.DType;
import dev.adjoint.spi.KernelCall;
import dev.adjoint.spi.Philox;
import dev.adjoint.spi.RandomKernels;
import dev.adjoint.spi.View;

/** The specification of {@link RandomKernels}. */
interface ReferenceRandom extends RandomKernels {
  @Override
  default KernelCall nextKey(View state, View key) {
    Elements states = Elements.of(state);
    Elements keys = Elements.of(key);
    return new Call(
        "next_key",
        () -> {
          keys.setLong(0, states.getLong(0));
          keys.setLong(1, states.getLong(1));
          states.setLong(1, states.getLong(1) + 1);
        });
  }

  @Override
  default KernelCall uniform(View key, double low, double high, View out) {
    Elements keys = Elements.of(key);
    Elements outs = Elements.of(out);
    return Call.of(
        "uniform",
        out.dtype(),
        () -> {
          long seed = keys.getLong(0);
          long counter = keys.getLong(1);
          for (long i = 0; i < out.numel(); i++) {
            outs.set(
                i,
                out.dtype() == DType.F32
                    ? Philox.uniform32(Philox.bits32(seed, counter, i), (float) low, (float) high)
                    : Philox.uniform64(Philox.bits64(seed, counter, i), low, high));
          }
        });
  }

  @Override
  default KernelCall normal(View key, double mean, double std, View out) {
    Elements keys = Elements.of(key);
    Elements outs = Elements.of(out);
    return Call.of(
        "normal",
        out.dtype(),
        () -> {
          long seed = keys.getLong(0);
          long counter = keys.getLong(1);
          for (long i = 0; i < out.numel(); i++) {
            double z =
                out.dtype() == DType.F32
                    ? Philox.normal32(Philox.bits32(seed, counter, i))
                    : Philox.normal64(Philox.bits64(seed, counter, i));
            outs.set(i, mean + std * z);
          }
        });
  }

  @Override
  default KernelCall dropout(View key, double p, View x, View out) {
    Elements keys = Elements.of(key);
    Elements xs = Elements.of(x);
    Elements outs = Elements.of(out);
    double factor = x.dtype() == DType.F64 ? 1 / (1 - p) : (float) (1 / (1 - p));
    return Call.of(
        "dropout",
        x.dtype(),
        () -> {
          long seed = keys.getLong(0);
          long counter = keys.getLong(1);
          for (long i = 0; i < out.numel(); i++) {
            boolean keep = Philox.uniform32(Philox.bits32(seed, counter, i)) >= p;
            outs.set(i, keep ? xs.get(i) * factor : 0);
          }
        });
  }
}
