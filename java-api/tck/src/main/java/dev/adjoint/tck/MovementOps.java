package dev.adjoint.tck;

import static dev.adjoint.tck.OpCatalog.CROSSING;
import static dev.adjoint.tck.OpCatalog.EXACT;
import static dev.adjoint.tck.OpCatalog.SUMS;
import dev.adjoint.DType;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.tck.Op.Input;
import java.util.List;
import java.util.function.UnaryOperator;

/** Rows of the {@link OpCatalog}: rows by index, views and copies. */
final class MovementOps {
  private MovementOps() {}

  static void addTo(List<Op> rows) {
    indexing(rows);
    movement(rows);
  }

  private static void indexing(List<Op> rows) {
    rows.add(
        Op.of(
            "embedding",
            EXACT,
            SUMS,
            x -> x.get(0).embedding(x.get(1)),
            Input.real(Shape.of(5, 3), -2, 2),
            Input.index(Shape.of(2, 6), 5)));
    rows.add(
        Op.of(
            "embedding",
            EXACT,
            SUMS,
            x -> x.get(0).embedding(x.get(1)),
            Input.real(Shape.of(5, 3), -2, 2),
            Input.index(Shape.scalar(), 5)));
  }

  private static void movement(List<Op> rows) {
    Input cube = Input.real(Shape.of(2, 3, 4), -2, 2);
    rows.add(view("reshape", x -> x.reshape(4, -1), cube));
    rows.add(view("transpose", x -> x.transpose(0, 2), cube));
    rows.add(view("permute", x -> x.permute(2, 0, 1), cube));
    rows.add(view("slice", x -> x.slice(2, 1, 4, 2), cube));
    rows.add(view("select", x -> x.select(1, -1), cube));
    rows.add(view("expand", x -> x.unsqueeze(1).expand(2, 5, 3, 4), cube));
    rows.add(view("copy", Tensor::copy, cube));
    rows.add(view("cast there and back", x -> x.to(DType.F64).mul(2).to(x.dtype()), cube));
    rows.add(
        Op.of(
            "cat",
            EXACT,
            CROSSING,
            x -> Tensor.cat(x, 1),
            cube,
            Input.real(Shape.of(2, 1, 4), -2, 2),
            cube));
  }

  private static Op view(String name, UnaryOperator<Tensor> function, Input input) {
    return Op.of(name, EXACT, SUMS, x -> function.apply(x.getFirst()), input);
  }
}
