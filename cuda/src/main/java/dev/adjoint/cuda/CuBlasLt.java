package dev.adjoint.cuda;

import static dev.adjoint.cuda.SharedLibrary.handle;
import static dev.adjoint.cuda.SharedLibrary.unexpected;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.adjoint.cuda.CuBlas.Factor;
import dev.adjoint.cuda.CuBlas.Numbers;
import dev.adjoint.cuda.CuBlas.Product;
import dev.adjoint.spi.Memory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Matrix products of cublasLt, with what comes after the product done on its way to memory. JCuda
 * has no binding of it. The algorithm for a shape is looked for once and kept, so that equal calls
 * give equal bits.
 */
final class CuBlasLt {
  private static final MethodHandle OF_ADDRESS = handle(ADDRESS);
  private static final MethodHandle OF_HANDLE = handle(JAVA_LONG);
  private static final MethodHandle CREATE_PRODUCT = handle(ADDRESS, JAVA_INT, JAVA_INT);
  private static final MethodHandle CREATE_MATRIX =
      handle(ADDRESS, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle SET = handle(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG);
  private static final MethodHandle FIND =
      handle(
          JAVA_LONG, // handle
          JAVA_LONG, // product
          JAVA_LONG, // a, b, c, d
          JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, // preference
          JAVA_INT, // how many are wanted
          ADDRESS, // results
          ADDRESS); // how many there are
  private static final MethodHandle MULTIPLY =
      handle(
          JAVA_LONG, // handle
          JAVA_LONG, // product
          ADDRESS, // alpha
          JAVA_LONG, // a and its layout
          JAVA_LONG, JAVA_LONG, // b
          JAVA_LONG, ADDRESS, // beta
          JAVA_LONG, // c
          JAVA_LONG, JAVA_LONG, // d
          JAVA_LONG, ADDRESS, // algorithm
          JAVA_LONG, // workspace
          JAVA_LONG, JAVA_LONG); // stream

  // cublasLtMatmulDescAttributes_t
  private static final int TRANSPOSE_A = 3;
  private static final int TRANSPOSE_B = 4;
  private static final int EPILOGUE = 7;
  private static final int BIAS_ADDRESS = 8;
  private static final int BEFORE_ADDRESS = 11;
  private static final int BEFORE_LEADING = 12;

  // cublasLtMatmulPreferenceAttributes_t
  private static final int WORKSPACE_BYTES = 1;
  private static final int REDUCTION_SCHEMES = 3;
  private static final int ALIGNMENT_OF_A = 5; // then of b, c, d

  /**
   * {@code CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE}: parts of a sum, where there are any, are joined
   * in F32. The other schemes round them to the type of the result, one in an order of its own.
   */
  private static final int IN_COMPUTE_TYPE = 2;

  /** {@code sizeof(cublasLtMatmulHeuristicResult_t)}: an algorithm of 64 bytes, and notes on it. */
  private static final long RESULT_BYTES = 96;

  /** Of all memory that backends give out: an algorithm may not depend on more. */
  private static final int LARGEST_ALIGNMENT = 64;

  private final long handle;
  private final Memory workspace;
  private final MemorySegment createProduct;
  private final MemorySegment destroyProduct;
  private final MemorySegment setProduct;
  private final MemorySegment createMatrix;
  private final MemorySegment destroyMatrix;
  private final MemorySegment createPreference;
  private final MemorySegment destroyPreference;
  private final MemorySegment setPreference;
  private final MemorySegment find;
  private final MemorySegment multiply;
  private final Map<Shape, Optional<MemorySegment>> algorithms = new ConcurrentHashMap<>();

  /** What comes after the product; by the numbers of {@code cublasLtEpilogue_t}. */
  enum Epilogue {
    BIAS(4),
    GELU_TANH(32),
    GELU_TANH_BIAS(32 | 4),
    /** Keeps what the activation is applied to. */
    KEPT_GELU_TANH(128 | 32),
    KEPT_GELU_TANH_BIAS(128 | 32 | 4);

    private final int number;

    Epilogue(int number) {
      this.number = number;
    }
  }

  /** All on which the choice of an algorithm depends. */
  private record Shape(
      Numbers numbers,
      int m,
      int n,
      int k,
      boolean transposedA,
      boolean transposedB,
      int leadingA,
      int leadingB,
      int leadingOut,
      int leadingBefore,
      int alignmentA,
      int alignmentB,
      int alignmentOut,
      Epilogue epilogue) {}

  /**
   * A product with what comes after it. Beta is 0, and it is no batch.
   *
   * @param bias the address of a number for each row of out, or 0
   * @param before where to keep what the activation gets, column-major; its address is 0 for
   *     nowhere
   */
  record FusedProduct(
      CuBlasLt library,
      Product product,
      Epilogue epilogue,
      long bias,
      Factor before,
      MemorySegment algorithm)
      implements CudaCall.Step {
    @Override
    public void enqueue(CudaStream stream) {
      library.multiply(this, stream.handle().address());
    }
  }

  CuBlasLt(SharedLibrary library, Memory workspace) {
    this.workspace = workspace;
    createProduct = library.function("cublasLtMatmulDescCreate");
    destroyProduct = library.function("cublasLtMatmulDescDestroy");
    setProduct = library.function("cublasLtMatmulDescSetAttribute");
    createMatrix = library.function("cublasLtMatrixLayoutCreate");
    destroyMatrix = library.function("cublasLtMatrixLayoutDestroy");
    createPreference = library.function("cublasLtMatmulPreferenceCreate");
    destroyPreference = library.function("cublasLtMatmulPreferenceDestroy");
    setPreference = library.function("cublasLtMatmulPreferenceSetAttribute");
    find = library.function("cublasLtMatmulAlgoGetHeuristic");
    multiply = library.function("cublasLtMatmul");
    MemorySegment create = library.function("cublasLtCreate");
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment result = arena.allocate(JAVA_LONG);
      CuBlas.check((int) OF_ADDRESS.invokeExact(create, result), "opening cublasLt");
      handle = result.get(JAVA_LONG, 0);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /**
   * The product as one step.
   *
   * @return null if cublasLt has no algorithm for it
   */
  @Nullable FusedProduct fused(Product product, Epilogue epilogue, long bias, Factor before) {
    Shape shape =
        new Shape(
            product.numbers(),
            product.m(),
            product.n(),
            product.k(),
            product.a().transposed(),
            product.b().transposed(),
            product.a().leading(),
            product.b().leading(),
            product.out().leading(),
            before.leading(),
            alignment(product.a()),
            alignment(product.b()),
            alignment(product.out()),
            epilogue);
    MemorySegment algorithm =
        algorithms
            .computeIfAbsent(shape, s -> Optional.ofNullable(find(s, product, bias, before)))
            .orElse(null);
    return algorithm == null
        ? null
        : new FusedProduct(this, product, epilogue, bias, before, algorithm);
  }

  private static int alignment(Factor factor) {
    return (int) Math.min(LARGEST_ALIGNMENT, Long.lowestOneBit(factor.address()));
  }

  private @Nullable MemorySegment find(Shape shape, Product product, long bias, Factor before) {
    try (Plan plan = new Plan(product, shape.epilogue, bias, before)) {
      long preference = plan.create(createPreference, destroyPreference);
      plan.set(setPreference, preference, WORKSPACE_BYTES, plan.of(workspace.bytes()));
      plan.set(setPreference, preference, REDUCTION_SCHEMES, plan.of(IN_COMPUTE_TYPE));
      int[] alignments = {
        shape.alignmentA, shape.alignmentB, shape.alignmentOut, shape.alignmentOut
      };
      for (int i = 0; i < alignments.length; i++) {
        plan.set(setPreference, preference, ALIGNMENT_OF_A + i, plan.of(alignments[i]));
      }
      MemorySegment results = Arena.ofAuto().allocate(RESULT_BYTES, Long.BYTES);
      MemorySegment count = plan.of(0);
      int status =
          (int)
              FIND.invokeExact(
                  find,
                  handle,
                  plan.product,
                  plan.a,
                  plan.b,
                  plan.out,
                  plan.out,
                  preference,
                  1,
                  results,
                  count);
      return status == 0 && count.get(JAVA_INT, 0) == 1 ? results : null;
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  private void multiply(FusedProduct fused, long stream) {
    Product p = fused.product;
    try (Plan plan = new Plan(p, fused.epilogue, fused.bias, fused.before)) {
      MemorySegment alpha = plan.arena.allocateFrom(JAVA_FLOAT, (float) p.alpha());
      MemorySegment beta = plan.arena.allocateFrom(JAVA_FLOAT, 0);
      CuBlas.check(
          (int)
              MULTIPLY.invokeExact(
                  multiply,
                  handle,
                  plan.product,
                  alpha,
                  p.a().address(),
                  plan.a,
                  p.b().address(),
                  plan.b,
                  beta,
                  p.out().address(),
                  plan.out,
                  p.out().address(),
                  plan.out,
                  fused.algorithm,
                  workspace.address(),
                  workspace.bytes(),
                  stream),
          "cublasLt: multiplying");
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** The descriptors of one product, while it is enqueued. */
  private final class Plan implements AutoCloseable {
    private final Arena arena = Arena.ofConfined();
    private final Deque<Runnable> undo = new ArrayDeque<>();
    private final long product;
    private final long a;
    private final long b;
    private final long out;

    Plan(Product p, Epilogue epilogue, long bias, Factor before) throws Throwable {
      MemorySegment result = arena.allocate(JAVA_LONG);
      check(
          (int)
              CREATE_PRODUCT.invokeExact(
                  createProduct, result, p.numbers().compute, p.numbers().scalars()));
      product = created(result, destroyProduct);
      set(setProduct, product, TRANSPOSE_A, of(p.a().operation()));
      set(setProduct, product, TRANSPOSE_B, of(p.b().operation()));
      set(setProduct, product, EPILOGUE, of(epilogue.number));
      if (bias != 0) {
        set(setProduct, product, BIAS_ADDRESS, of(bias));
      }
      if (before.address() != 0) {
        set(setProduct, product, BEFORE_ADDRESS, of(before.address()));
        set(setProduct, product, BEFORE_LEADING, of((long) before.leading()));
      }
      a = matrix(p.a(), p.numbers().factors, p.m(), p.k());
      b = matrix(p.b(), p.numbers().factors, p.k(), p.n());
      out = matrix(p.out(), p.numbers().result, p.m(), p.n());
    }

    private long matrix(Factor factor, int type, long rows, long cols) throws Throwable {
      MemorySegment result = arena.allocate(JAVA_LONG);
      check(
          (int)
              CREATE_MATRIX.invokeExact(
                  createMatrix,
                  result,
                  type,
                  factor.transposed() ? cols : rows,
                  factor.transposed() ? rows : cols,
                  (long) factor.leading()));
      return created(result, destroyMatrix);
    }

    long create(MemorySegment function, MemorySegment destroy) throws Throwable {
      MemorySegment result = arena.allocate(JAVA_LONG);
      check((int) OF_ADDRESS.invokeExact(function, result));
      return created(result, destroy);
    }

    private long created(MemorySegment result, MemorySegment destroy) {
      long object = result.get(JAVA_LONG, 0);
      undo.push(
          () -> {
            try {
              check((int) OF_HANDLE.invokeExact(destroy, object));
            } catch (Throwable e) {
              throw unexpected(e);
            }
          });
      return object;
    }

    void set(MemorySegment function, long object, int attribute, MemorySegment value)
        throws Throwable {
      check((int) SET.invokeExact(function, object, attribute, value, value.byteSize()));
    }

    MemorySegment of(int value) {
      return arena.allocateFrom(JAVA_INT, value);
    }

    MemorySegment of(long value) {
      return arena.allocateFrom(JAVA_LONG, value);
    }

    private static void check(int status) {
      CuBlas.check(status, "cublasLt: describing a product");
    }

    @Override
    public void close() {
      undo.forEach(Runnable::run);
      arena.close();
    }
  }
}
