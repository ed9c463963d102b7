package dev.adjoint.spi;

import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * The name of a compiled kernel, and what a backend has to know to call it. There is one object for
 * each name, made when its record is loaded; a backend keeps the function that it has resolved in
 * an array, at {@link #index}.
 */
public final class Symbol {
  private static final AtomicInteger NEXT = new AtomicInteger();

  private final String name;
  private final int index = NEXT.getAndIncrement();
  private final @Nullable Symbol scratchBytes;
  private final int scratchWord;

  Symbol(String name, @Nullable Symbol scratchBytes, int scratchWord) {
    this.name = name;
    this.scratchBytes = scratchBytes;
    this.scratchWord = scratchWord;
  }

  /** {@code silu_f32} for {@code adj_silu_f32}. */
  public String name() {
    return name;
  }

  /** Its number among all symbols, from 0; another one in each run. */
  public int index() {
    return index;
  }

  /** The function that says how much scratch the kernel needs; null if it needs none. */
  public @Nullable Symbol scratchBytes() {
    return scratchBytes;
  }

  /** The place of the scratch's address among {@link Kernel#words}; -1 if there is none. */
  public int scratchWord() {
    return scratchWord;
  }

  @Override
  public String toString() {
    return name;
  }
}
