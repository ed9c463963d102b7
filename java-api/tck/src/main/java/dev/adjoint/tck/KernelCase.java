package dev.adjoint.tck;

import dev.adjoint.spi.Kernel;
import dev.adjoint.spi.KernelCall;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongToDoubleFunction;
import org.jspecify.annotations.Nullable;

/**
 * One kernel on given operands, to be run on a backend and on the reference with equal results.
 *
 * @param name what failures are reported under, besides the operands
 * @param operands what the kernel works on
 * @param tolerance how far its floating results may be off
 * @param scale of the tolerance's units, by the logical index of a result; null: what the reference
 *     makes of the operands' absolute values, which for sums of products bounds the rounding
 * @param runs how often it runs before results are compared
 * @param kernel makes the kernel on the stage's views
 */
public record KernelCase(
    String name,
    List<Operand> operands,
    Tolerance tolerance,
    @Nullable LongToDoubleFunction scale,
    int runs,
    KernelFactory kernel) {

  /** Makes the kernel under test. */
  @FunctionalInterface
  public interface KernelFactory {
    /** The kernel on the views of a stage. */
    Kernel create(Stage stage);
  }

  /** A case that runs once, with a tolerance scale of 1. */
  public static KernelCase of(
      String name, Tolerance tolerance, KernelFactory kernel, Operand... operands) {
    return new KernelCase(name, List.of(operands), tolerance, i -> 1, 1, kernel);
  }

  /** With another scale of the tolerance. */
  public KernelCase withScale(LongToDoubleFunction other) {
    return new KernelCase(name, operands, tolerance, other, runs, kernel);
  }

  /** With the scale that the kernel itself makes of the operands' absolute values. */
  public KernelCase scaledByMagnitudes() {
    return new KernelCase(name, operands, tolerance, null, runs, kernel);
  }

  /** Run several times before the results are compared. */
  public KernelCase withRuns(int count) {
    return new KernelCase(name, operands, tolerance, scale, count, kernel);
  }

  /**
   * Runs the case on the reference and on each of the other stages.
   *
   * @throws AssertionError naming the first backend whose results differ, that changed a byte that
   *     is none of the kernel's business, or that gives other bits when it runs again as a recorded
   *     unit
   */
  public void check(List<Stage> stages, Stage reference) {
    List<MemorySegment> expected = run(reference, operands, false);
    LongToDoubleFunction[] scales = scales(reference);
    for (Stage stage : stages) {
      try {
        check(stage, expected, scales);
      } catch (AssertionError e) {
        throw new AssertionError(stage.backend().description() + ": " + e.getMessage(), e);
      }
    }
  }

  private void check(Stage actual, List<MemorySegment> expected, LongToDoubleFunction[] scales) {
    List<MemorySegment> found = run(actual, operands, false);
    for (int k = 0; k < operands.size(); k++) {
      checkUntouched(k, found.get(k));
      if (operands.get(k).written()) {
        checkResults(k, expected.get(k), found.get(k), scales[k]);
      }
    }
    List<MemorySegment> replayed = run(actual, operands, true);
    for (int k = 0; k < operands.size(); k++) {
      if (found.get(k).mismatch(replayed.get(k)) >= 0) {
        throw failure(k, "a recorded unit gives other bits than the call");
      }
    }
  }

  private List<MemorySegment> run(Stage stage, List<Operand> on, boolean recorded) {
    stage.load(on);
    KernelCall kernelCall = stage.call(kernel.create(stage));
    for (int i = 0; i < runs; i++) {
      if (recorded) {
        stage.replay(List.of(kernelCall));
      } else {
        kernelCall.run();
      }
    }
    if (!stage.scratchIntact()) {
      throw new AssertionError(this + ": wrote beyond the scratch memory");
    }
    List<MemorySegment> images = new ArrayList<>();
    for (int k = 0; k < on.size(); k++) {
      images.add(stage.image(k));
    }
    return images;
  }

  private LongToDoubleFunction[] scales(Stage reference) {
    LongToDoubleFunction[] scales = new LongToDoubleFunction[operands.size()];
    List<Operand> magnitudes = operands.stream().map(Operand::magnitudes).toList();
    List<MemorySegment> bounds = scale == null ? run(reference, magnitudes, false) : List.of();
    for (int k = 0; k < scales.length; k++) {
      int operand = k;
      scales[k] =
          scale != null ? scale : i -> Math.abs(operands.get(operand).get(bounds.get(operand), i));
    }
    return scales;
  }

  /** Nothing but the elements of outputs may have changed. */
  private void checkUntouched(int k, MemorySegment found) {
    Operand operand = operands.get(k);
    MemorySegment rest = operand.written() ? operand.withOriginalElements(found) : found;
    long at = rest.mismatch(operand.image());
    if (at >= 0) {
      String what = operand.written() ? "wrote outside its output" : "changed an input";
      throw failure(k, what + " at byte " + at + " of its block");
    }
  }

  private void checkResults(
      int k, MemorySegment expected, MemorySegment found, LongToDoubleFunction scales) {
    Operand operand = operands.get(k);
    boolean floating = operand.dtype().isFloating();
    for (long i = 0; i < operand.layout().numel(); i++) {
      double wanted = operand.get(expected, i);
      double got = operand.get(found, i);
      boolean accepted =
          floating
              ? tolerance.accepts(operand.dtype(), wanted, got, scales.applyAsDouble(i))
              : operand.getLong(expected, i) == operand.getLong(found, i);
      if (!accepted) {
        throw failure(k, "element " + i + " is " + got + " instead of " + wanted + inputs(i));
      }
    }
  }

  /** The inputs' values at a logical index, for kernels that work element by element. */
  private String inputs(long i) {
    StringBuilder text = new StringBuilder();
    for (Operand operand : operands) {
      if (operand.layout().numel() > i) {
        text.append(text.isEmpty() ? " (operands there: " : ", ").append(operand.get(i));
      }
    }
    return text.append(", ").append(tolerance).append(')').toString();
  }

  private AssertionError failure(int k, String what) {
    return new AssertionError(this + ": operand " + k + ": " + what);
  }

  @Override
  public String toString() {
    return name + operands;
  }
}
