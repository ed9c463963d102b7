package dev.adjoint.reference;

import dev.adjoint.spi.IndexKernels;
import dev.adjoint.spi.KernelCall;
import dev.adjoint.spi.View;

/** The specification of {@link IndexKernels}. */
interface ReferenceIndexing extends IndexKernels {
  @Override
  default KernelCall gather(View table, View indices, View out) {
    String name = "gather";
    long width = table.layout().size(1);
    Elements from = Elements.of(table);
    Indices index = Indices.below(table.layout().size(0), name, indices);
    Elements to = Elements.of(out);
    return new Call(
        name,
        () -> {
          index.check();
          for (long i = 0; i < index.count(); i++) {
            long row = index.get(i);
            for (long c = 0; c < width; c++) {
              to.setBits(i * width + c, from, row * width + c);
            }
          }
        });
  }

  @Override
  default KernelCall scatterAdd(View x, View indices, View out) {
    String name = "scatter_add_" + x.dtype().suffix();
    long width = out.layout().size(1);
    Elements from = Elements.of(x);
    Indices index = Indices.below(out.layout().size(0), name, indices);
    Elements to = Elements.of(out);
    return new Call(
        name,
        () -> {
          index.check();
          for (long i = 0; i < index.count(); i++) {
            long row = index.get(i);
            for (long c = 0; c < width; c++) {
              long at = row * width + c;
              to.set(at, to.get(at) + from.get(i * width + c));
            }
          }
        });
  }
}
