package dev.adjoint.reference;

import dev.adjoint.spi.IndexKernels;
import dev.adjoint.spi.IndexKernels.Gather;
import dev.adjoint.spi.IndexKernels.ScatterAdd;

/** The specification of {@link IndexKernels}. */
final class ReferenceIndexing {
  private ReferenceIndexing() {}

  static Runnable gather(Gather k) {
    long width = k.table().layout().size(1);
    Elements from = Elements.of(k.table());
    Indices index = Indices.below(k.table().layout().size(0), k.symbol().name(), k.indices());
    Elements to = Elements.of(k.out());
    return () -> {
      index.check();
      for (long i = 0; i < index.count(); i++) {
        long row = index.get(i);
        for (long c = 0; c < width; c++) {
          to.setBits(i * width + c, from, row * width + c);
        }
      }
    };
  }

  static Runnable scatterAdd(ScatterAdd k) {
    long width = k.out().layout().size(1);
    Elements from = Elements.of(k.x());
    Indices index = Indices.below(k.out().layout().size(0), k.symbol().name(), k.indices());
    Elements to = Elements.of(k.out());
    return () -> {
      index.check();
      for (long i = 0; i < index.count(); i++) {
        long row = index.get(i);
        for (long c = 0; c < width; c++) {
          long at = row * width + c;
          to.set(at, to.get(at) + from.get(i * width + c));
        }
      }
    };
  }
}
