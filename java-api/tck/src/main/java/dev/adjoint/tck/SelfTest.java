package dev.adjoint.tck;

import dev.adjoint.DType;
import dev.adjoint.Device;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** The {@link OpCatalog} on a device, forward and backward, as far as a time limit allows. */
public final class SelfTest {
  private SelfTest() {}

  /**
   * What came out.
   *
   * @param operations how many were tried
   * @param largestError the largest distance from the reference, relative to the operation's scale
   * @param worst the operation that had it
   * @param failures a line for each operation that is out of its tolerance or throws
   */
  public record Result(int operations, double largestError, String worst, List<String> failures) {}

  /** Holds a device to the reference, in F32, the type that networks are trained in. */
  public static Result run(Device device, Duration limit) {
    long end = System.nanoTime() + limit.toNanos();
    int operations = 0;
    double largest = 0;
    String worst = "none";
    List<String> failures = new ArrayList<>();
    for (Op op : OpCatalog.OPS) {
      if (System.nanoTime() > end) {
        break;
      }
      operations++;
      try {
        OpTrial.Outcome expected = outcome(Device.REFERENCE, op);
        OpTrial.Outcome found = outcome(device, op);
        found.checkAgainst(expected, op, "F32");
        double error = found.distance(expected);
        if (error > largest) {
          largest = error;
          worst = op.name();
        }
      } catch (RuntimeException | AssertionError e) {
        failures.add(String.valueOf(e.getMessage()));
      }
    }
    return new Result(operations, largest, worst, failures);
  }

  private static OpTrial.Outcome outcome(Device device, Op op) {
    return new OpTrial(device, DType.F32, Arrangement.DENSE, false).run(op, op.function());
  }
}
