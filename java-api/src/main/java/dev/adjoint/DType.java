package dev.adjoint;

import java.util.Locale;

/** Element types. Nothing is promoted silently: operations on two different types throw. */
public enum DType {
  /** 32-bit IEEE 754 floating point. */
  F32(4, true),
  /** 64-bit IEEE 754 floating point. */
  F64(8, true),
  /** 16-bit IEEE 754 floating point; see {@link #isHalf}. */
  F16(2, true),
  /**
   * 16-bit brain floating point: the upper half of an F32, with its range and 8 bits of precision;
   * see {@link #isHalf}.
   */
  BF16(2, true),
  /** 32-bit signed integer, for indices. */
  I32(4, false),
  /** 64-bit signed integer, for indices and counters. */
  I64(8, false),
  /** One byte per element, 0 or 1: masks and the results of comparisons. */
  BOOL(1, false);

  private final int bytes;
  private final boolean floating;
  private final String suffix;

  DType(int bytes, boolean floating) {
    this.bytes = bytes;
    this.floating = floating;
    this.suffix = name().toLowerCase(Locale.ROOT);
  }

  /** Bytes per element. */
  public int bytes() {
    return bytes;
  }

  /** Whether this is a floating-point type; only those carry gradients. */
  public boolean isFloating() {
    return floating;
  }

  /**
   * Whether this is a floating-point type of 16 bits. Such tensors take half the memory; operations
   * on them compute in F32 and round the results, gradients too. Random numbers and optimizers want
   * F32 or F64.
   */
  public boolean isHalf() {
    return floating && bytes == 2;
  }

  /** What elements of this type are computed in: F32 for those of 16 bits, else the type itself. */
  public DType widened() {
    return isHalf() ? F32 : this;
  }

  /** The name in kernel symbols and messages: {@code f32}, {@code i64}, … */
  public String suffix() {
    return suffix;
  }
}
