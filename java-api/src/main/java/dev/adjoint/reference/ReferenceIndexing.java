package dev.adjoint.reference;

import dev.adjoint.spi.IndexKernels;
import dev.adjoint.spi.KernelCall;
import dev.adjoint.spi.View;

/** The specification of {@link IndexKernels}. */
interface ReferenceIndexing extends IndexKernels {
  @Override
  default KernelCall gather(View table, View indices, View out) {
    String name = "gather";
    long rows = table.layout().size(0);
    long width = table.layout().size(1);
    Elements from = Elements.of(table);
    Elements index = Elements.of(indices);
    Elements to = Elements.of(out);
    return new Call(
        name,
        () -> {
          Indices.check(name, indices, rows);
          for (long i = 0; i < indices.numel(); i++) {
            for (long c = 0; c < width; c++) {
              to.setBits(i * width + c, from, index.getLong(i) * width + c);
            }
          }
        });
  }

  @Override
  default KernelCall scatterAdd(View x, View indices, View out) {
    String name = "scatter_add_" + x.dtype().suffix();
    long rows = out.layout().size(0);
    long width = out.layout().size(1);
    Elements from = Elements.of(x);
    Elements index = Elements.of(indices);
    Elements to = Elements.of(out);
    return new Call(
        name,
        () -> {
          Indices.check(name, indices, rows);
          for (long i = 0; i < indices.numel(); i++) {
            for (long c = 0; c < width; c++) {
              long at = index.getLong(i) * width + c;
              to.set(at, to.get(at) + from.get(i * width + c));
            }
          }
        });
  }
}
