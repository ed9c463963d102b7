package dev.adjoint.benchmarks;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * out = op(a) × op(b), each of {@code batch} times. Input 0 is a: [batch, m, k], or [batch, k, m]
 * if {@code transA}; input 1 is b: [batch, k, n], or [batch, n, k] if {@code transB}; both dense.
 * The result is out: [batch, m, n].
 *
 * @param dtype {@code f32}, {@code f64} or {@code bf16}: bf16 inputs and float32 sums, rounded to
 *     bf16 at the end
 * @param batch how many products
 * @param m rows of the result
 * @param n columns of the result
 * @param k what is summed over
 * @param transA whether a is stored transposed
 * @param transB whether b is stored transposed
 */
public record GemmCase(
    String dtype, long batch, long m, long n, long k, boolean transA, boolean transB)
    implements Case {
  private static final Pattern ID =
      Pattern.compile("(f32|f64|bf16)-(?:(\\d+)x)??(\\d+)x(\\d+)x(\\d+)-([nt])([nt])");

  /** One product of plain matrices. */
  public GemmCase(String dtype, long m, long n, long k) {
    this(dtype, 1, m, n, k, false, false);
  }

  static boolean isId(String id) {
    return ID.matcher(id).matches();
  }

  static GemmCase parse(String id) {
    Matcher parts = ID.matcher(id);
    if (!parts.matches()) {
      throw new IllegalArgumentException(id);
    }
    return new GemmCase(
        parts.group(1),
        parts.group(2) == null ? 1 : Long.parseLong(parts.group(2)),
        Long.parseLong(parts.group(3)),
        Long.parseLong(parts.group(4)),
        Long.parseLong(parts.group(5)),
        parts.group(6).equals("t"),
        parts.group(7).equals("t"));
  }

  @Override
  public String id() {
    return String.format(
        Locale.ROOT, // it is parsed again
        "%s-%s%dx%dx%d-%s%s",
        dtype,
        batch == 1 ? "" : batch + "x",
        m,
        n,
        k,
        transA ? "t" : "n",
        transB ? "t" : "n");
  }

  /** Bytes of one element. */
  public int elementBytes() {
    return switch (dtype) {
      case "f64" -> 8;
      case "f32" -> 4;
      case "bf16" -> 2;
      default -> throw new IllegalArgumentException("gemm: no element type " + dtype);
    };
  }

  @Override
  public double operations() {
    return 2.0 * batch * m * n * k;
  }

  @Override
  public double bytesRead() {
    return (double) batch * (m * k + k * n) * elementBytes();
  }

  @Override
  public double bytesWritten() {
    return (double) batch * m * n * elementBytes();
  }
}
