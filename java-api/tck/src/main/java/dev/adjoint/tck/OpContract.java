package dev.adjoint.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.adjoint.Adjoint;
import dev.adjoint.DType;
import dev.adjoint.Device;
import dev.adjoint.Scope;
import dev.adjoint.autograd.GradCheck;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * What every operation of the {@link OpCatalog} must do on a device: values and gradients equal to
 * the reference's for every layout of its inputs, gradients equal to differences, fused equal to
 * composed, and no memory left behind. A test class extends this and names the device.
 */
public abstract class OpContract {
  private static final List<DType> FULL = List.of(DType.F32, DType.F64);
  private static final List<DType> FLOATING = List.of(DType.F32, DType.F64, DType.BF16, DType.F16);

  private final Device device;

  /**
   * @param device one that works here
   */
  protected OpContract(Device device) {
    this.device = device;
  }

  @TestFactory
  Stream<DynamicTest> valuesAndGradientsEqualTheReference() {
    return forEachOp(op -> FLOATING.forEach(dtype -> equalsTheReference(op, dtype)));
  }

  @TestFactory
  Stream<DynamicTest> valuesAndGradientsOfTwoTypesEqualTheReference() {
    return forEach(OpCatalog.MIXED, op -> equalsTheReference(op, DType.F32));
  }

  private void equalsTheReference(Op op, DType dtype) {
    for (Arrangement arrangement : Arrangement.values()) {
      var expected = new OpTrial(Device.REFERENCE, dtype, arrangement, true).run(op, op.function());
      for (boolean dense : new boolean[] {false, true}) {
        new OpTrial(device, dtype, arrangement, dense)
            .run(op, op.function())
            .checkAgainst(expected, op, dtype + " " + arrangement);
      }
    }
  }

  @TestFactory
  Stream<DynamicTest> fusedEqualsComposed() {
    return forEachOp(
        op -> {
          var definition = op.composed();
          if (definition != null) {
            for (DType dtype : FULL) {
              OpTrial trial = new OpTrial(device, dtype, Arrangement.DENSE, false);
              trial
                  .run(op, op.function())
                  .checkAgainst(trial.run(op, definition), op, dtype + " against its definition");
            }
          }
        });
  }

  @TestFactory
  Stream<DynamicTest> gradientsEqualDifferences() {
    return forEachOp(
        op -> {
          OpTrial trial = new OpTrial(device, DType.F64, Arrangement.DENSE, false);
          if (op.order() > 0) {
            Scope.run(() -> GradCheck.firstOrder(op.function(), trial.inputs(op)));
          }
          if (op.order() > 1) {
            Scope.run(() -> GradCheck.secondOrder(op.function(), trial.inputs(op)));
          }
        });
  }

  /** What is done with every operation. */
  private interface Check {
    void of(Op op);
  }

  private Stream<DynamicTest> forEachOp(Check check) {
    return forEach(OpCatalog.OPS, check);
  }

  private Stream<DynamicTest> forEach(List<Op> ops, Check check) {
    return ops.stream()
        .map(op -> DynamicTest.dynamicTest(op.toString(), () -> withoutLeaks(op, check)));
  }

  private void withoutLeaks(Op op, Check check) {
    long before = Adjoint.memory(device).liveBytes();
    check.of(op);
    assertEquals(before, Adjoint.memory(device).liveBytes(), op + " left memory behind");
  }
}
