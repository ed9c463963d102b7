package dev.adjoint.spi;

import static dev.adjoint.DType.BOOL;
import static dev.adjoint.DType.F32;
import static dev.adjoint.DType.F64;
import static dev.adjoint.DType.I32;
import static dev.adjoint.DType.I64;

import dev.adjoint.DType;
import java.util.EnumSet;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.Set;
import java.util.stream.Stream;

/** The names of one kernel, {@code <name>_<dtype>}, for the element types that it exists for. */
public final class Symbols {
  /** The floating types that every backend computes. */
  public static final Set<DType> FLOATING = Set.of(F32, F64);

  /** Which element types a kernel exists for, given the floating types that a backend computes. */
  @FunctionalInterface
  interface Types {
    /** Every element type. */
    Types EVERY = floating -> EnumSet.allOf(DType.class);

    /** The floating types that the backend computes. */
    Types COMPUTED = floating -> floating;

    /** F32 and F64 alone. */
    Types WIDE = floating -> FLOATING;

    /** The 16-bit types that the backend computes. */
    Types HALVES = floating -> without(floating, F32, F64);

    /** Floating types and I64. */
    Types WITH_I64 = floating -> with(floating, I64);

    /** Floating types and integers. */
    Types NUMBERS = floating -> with(floating, I32, I64);

    /** Floating types, integers and BOOL. */
    Types COMPARABLE = floating -> with(floating, I32, I64, BOOL);

    /** The types of a backend that computes {@code floating}. */
    Set<DType> of(Set<DType> floating);

    /** Every element type but one. */
    static Types otherThan(DType dtype) {
      return floating -> without(EVERY.of(floating), dtype);
    }

    private static Set<DType> with(Set<DType> some, DType... others) {
      Set<DType> all = EnumSet.copyOf(some);
      all.addAll(List.of(others));
      return all;
    }

    private static Set<DType> without(Set<DType> some, DType... others) {
      Set<DType> rest = EnumSet.copyOf(some);
      rest.removeAll(List.of(others));
      return rest;
    }
  }

  private final Types types;
  private final Map<DType, Symbol> symbols = new EnumMap<>(DType.class);

  Symbols(String name, Types types) {
    this.types = types;
    for (DType dtype : DType.values()) {
      symbols.put(dtype, new Symbol(name + "_" + dtype.suffix(), null, -1));
    }
  }

  /**
   * Of a kernel that needs scratch.
   *
   * @param scratchBytes the functions that say how much
   * @param scratchWord the place of its address in the argument block
   */
  Symbols(String name, Types types, Symbols scratchBytes, int scratchWord) {
    this.types = types;
    for (DType dtype : DType.values()) {
      symbols.put(
          dtype, new Symbol(name + "_" + dtype.suffix(), scratchBytes.of(dtype), scratchWord));
    }
  }

  /** Of a kernel that moves bytes or numbers of its own, under one name for every element type. */
  Symbols(String name) {
    types = Types.EVERY;
    Symbol only = new Symbol(name, null, -1);
    for (DType dtype : DType.values()) {
      symbols.put(dtype, only);
    }
  }

  /** The names of kernels that come once for each constant of an enum. */
  static <E extends Enum<E>> Map<E, Symbols> each(Class<E> type, Function<E, Symbols> names) {
    return each(type, EnumSet.allOf(type), names);
  }

  /** The same for some of the constants. */
  static <E extends Enum<E>> Map<E, Symbols> each(
      Class<E> type, Set<E> constants, Function<E, Symbols> names) {
    Map<E, Symbols> each = new EnumMap<>(type);
    for (E constant : constants) {
      each.put(constant, names.apply(constant));
    }
    return each;
  }

  /** The name for a constant of an enum and an element type. */
  static <E extends Enum<E>> Symbol of(Map<E, Symbols> each, E constant, DType dtype) {
    return Objects.requireNonNull(each.get(constant)).of(dtype);
  }

  /** The name for an element type, whether a backend has that kernel or not. */
  public Symbol of(DType dtype) {
    return Objects.requireNonNull(symbols.get(dtype));
  }

  /**
   * The names for all element types that the kernel exists for.
   *
   * @param floating the floating types that a backend computes
   */
  public Stream<Symbol> all(Set<DType> floating) {
    return types.of(floating).stream().map(this::of).distinct();
  }
}
