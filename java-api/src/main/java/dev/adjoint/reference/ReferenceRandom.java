package dev.adjoint.reference;

import dev.adjoint.spi.RandomKernels;
import dev.adjoint.spi.RandomKernels.NextKey;
import dev.adjoint.spi.RandomKernels.Uniform;
import dev.adjoint.spi.RandomKernels.Normal;
import dev.adjoint.spi.RandomKernels.Dropout;
import dev.adjoint.DType;
import dev.adjoint.spi.Philox;

/** The specification of {@link RandomKernels}. */
final class ReferenceRandom {
  private ReferenceRandom() {}

  static Runnable nextKey(NextKey k) {
    Elements states = Elements.of(k.state());
    Elements keys = Elements.of(k.key());
    return () -> {
      keys.setLong(0, states.getLong(0));
      keys.setLong(1, states.getLong(1));
      states.setLong(1, states.getLong(1) + 1);
    };
  }

  static Runnable uniform(Uniform k) {
    Elements keys = Elements.of(k.key());
    Elements outs = Elements.of(k.out());
    return () -> {
      long seed = keys.getLong(0);
      long counter = keys.getLong(1);
      for (long i = 0; i < k.out().numel(); i++) {
        outs.set(
            i,
            k.out().dtype() == DType.F32
                ? Philox.uniform32(Philox.bits32(seed, counter, i), (float) k.a(), (float) k.b())
                : Philox.uniform64(Philox.bits64(seed, counter, i), k.a(), k.b()));
      }
    };
  }

  static Runnable normal(Normal k) {
    Elements keys = Elements.of(k.key());
    Elements outs = Elements.of(k.out());
    return () -> {
      long seed = keys.getLong(0);
      long counter = keys.getLong(1);
      for (long i = 0; i < k.out().numel(); i++) {
        double z =
            k.out().dtype() == DType.F32
                ? Philox.normal32(Philox.bits32(seed, counter, i))
                : Philox.normal64(Philox.bits64(seed, counter, i));
        outs.set(i, k.a() + k.b() * z);
      }
    };
  }

  static Runnable dropout(Dropout k) {
    Elements keys = Elements.of(k.key());
    Elements xs = Elements.of(k.x());
    Elements outs = Elements.of(k.out());
    double factor = k.x().dtype() == DType.F64 ? 1 / (1 - k.p()) : (float) (1 / (1 - k.p()));
    return () -> {
      long seed = keys.getLong(0);
      long counter = keys.getLong(1);
      for (long i = 0; i < k.out().numel(); i++) {
        boolean keep = Philox.uniform32(Philox.bits32(seed, counter, i)) >= k.p();
        outs.set(i, keep ? xs.get(i) * factor : 0);
      }
    };
  }
}
