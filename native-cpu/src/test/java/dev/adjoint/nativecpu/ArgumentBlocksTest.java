package dev.adjoint.nativecpu;

import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.adjoint.DType;
import dev.adjoint.Precision;
import dev.adjoint.Device;
import dev.adjoint.Shape;
import dev.adjoint.spi.BinaryKernel;
import dev.adjoint.spi.Gemm;
import dev.adjoint.spi.KernelCall;
import dev.adjoint.spi.Layout;
import dev.adjoint.spi.Memory;
import dev.adjoint.spi.ReduceKernel;
import dev.adjoint.spi.UnaryKernel;
import dev.adjoint.spi.View;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Holds the words that Java packs against the structs of kernels.h, field by field. */
class ArgumentBlocksTest {
  private static final Path HEADER = Path.of("src/main/c/include/kernels.h");
  private static final Pattern STRUCT =
      Pattern.compile("typedef struct \\{(.*?)\\} (adj_\\w+);", Pattern.DOTALL);
  private static final Pattern FIELD =
      Pattern.compile("(?<type>.*?)(?<name>\\w+)(\\[(?<length>.*)\\])?");

  private record Field(String name, boolean floating, boolean array) {}

  /** A packed call and what each field of its struct must hold: a Long, a Double or a long[]. */
  private record Expected(KernelCall call, Map<String, Object> fields) {}

  private static NativeCpuBackend backend;
  private static Map<String, List<Field>> structs;

  @BeforeAll
  static void open() throws IOException {
    backend = (NativeCpuBackend) new NativeCpuProvider().open(Device.CPU);
    structs = parse(Files.readString(HEADER));
  }

  private static Map<String, List<Field>> parse(String header) {
    Map<String, List<Field>> found = new LinkedHashMap<>();
    Matcher struct = STRUCT.matcher(header.replaceAll("(?s)/\\*.*?\\*/", ""));
    while (struct.find()) {
      List<Field> fields = new ArrayList<>();
      for (String declaration : struct.group(1).strip().split(";\\s*", 0)) {
        Matcher field = FIELD.matcher(declaration);
        if (!field.matches()) {
          throw new IllegalStateException("not a field: " + declaration);
        }
        boolean floating = field.group("type").strip().equals("double");
        fields.add(new Field(field.group("name"), floating, field.group("length") != null));
      }
      found.put(struct.group(2), fields);
    }
    return found;
  }

  private static List<Field> struct(String name) {
    return requireNonNull(structs.get(name), name);
  }

  @Test
  void everyStructIsHere() {
    assertEquals(structs.keySet(), expected().keySet());
  }

  @TestFactory
  Stream<DynamicTest> wordsAreTheFields() {
    Map<String, Expected> expected = expected();
    return structs.keySet().stream()
        .map(
            name ->
                dynamicTest(
                    name, () -> check(struct(name), requireNonNull(expected.get(name), name))));
  }

  private static void check(List<Field> struct, Expected expected) {
    assertEquals(
        struct.stream().map(Field::name).toList(), List.copyOf(expected.fields().keySet()));
    long[] words = ((NativeCall) expected.call()).words();
    int at = 0;
    for (Field field : struct) {
      Object value = expected.fields().get(field.name());
      assertEquals(field.floating(), value instanceof Double, field.name());
      assertEquals(field.array(), value instanceof long[], field.name());
      if (value instanceof long[] array) {
        for (int i = 0; i < array.length; i++) {
          assertEquals(array[i], words[at++], field.name() + "[" + i + "]");
        }
      } else if (value instanceof Double number) {
        assertEquals(number, Double.longBitsToDouble(words[at++]), field.name());
      } else {
        assertEquals(value, words[at++], field.name());
      }
    }
    assertEquals(words.length, at, "words");
  }

  // Nothing runs on these addresses; each is different.

  private static final long OFFSET = 3;

  private static Memory memory(long address) {
    return new Memory(address, 0, MemorySegment.NULL);
  }

  private static View view(long address, DType dtype, Layout layout) {
    return new View(memory(address - layout.offset() * dtype.bytes()), layout, dtype);
  }

  /** [2, 3] with strides that no two loops can be merged over. */
  private static View matrix(long address, DType dtype, long row, long col) {
    return view(address, dtype, Layout.of(Shape.of(2, 3), new long[] {row, col}, OFFSET));
  }

  private static View dense(long address, DType dtype, long... sizes) {
    return view(address, dtype, Layout.contiguous(Shape.of(sizes)));
  }

  private static View dense(long address, long... sizes) {
    return dense(address, DType.F32, sizes);
  }

  private static long[] words(long... values) {
    return values;
  }

  /** Alternating names and values; an int stands for an int64_t or an address. */
  private static Expected block(KernelCall call, Object... fields) {
    Map<String, Object> map = new LinkedHashMap<>();
    for (int i = 0; i < fields.length; i += 2) {
      Object value = fields[i + 1];
      map.put((String) fields[i], value instanceof Integer number ? (Long) (long) number : value);
    }
    return new Expected(call, map);
  }

  private static Map<String, Expected> expected() {
    Map<String, Expected> blocks = new LinkedHashMap<>();
    addElementwise(blocks);
    addReductions(blocks);
    addGemm(blocks);
    addNorms(blocks);
    addLosses(blocks);
    addAttention(blocks);
    addIndexing(blocks);
    addRandom(blocks);
    addOptimizers(blocks);
    return blocks;
  }

  private static void addElementwise(Map<String, Expected> blocks) {
    View x = matrix(0x100, DType.F32, 10, 2);
    View y = matrix(0x200, DType.F32, 20, 3);
    View z = matrix(0x300, DType.F32, 0, 1);
    View out = matrix(0x400, DType.F32, 3, 1);
    View mask = matrix(0x500, DType.BOOL, 0, 4);
    blocks.put(
        "adj_unary_args",
        block(
            backend.unary(UnaryKernel.SILU, x, out),
            "x",
            0x100,
            "out",
            0x400,
            "depth",
            2,
            "dims",
            words(2, 3, 10, 2, 3, 1)));
    blocks.put(
        "adj_unary_grad_args",
        block(
            backend.unaryGrad(UnaryKernel.SILU, x, y, out),
            "grad",
            0x100,
            "saved",
            0x200,
            "out",
            0x400,
            "depth",
            2,
            "dims",
            words(2, 3, 10, 2, 20, 3, 3, 1)));
    blocks.put(
        "adj_binary_args",
        block(
            backend.binary(BinaryKernel.SUB, y, z, out),
            "a",
            0x200,
            "b",
            0x300,
            "out",
            0x400,
            "depth",
            2,
            "dims",
            words(2, 3, 20, 3, 0, 1, 3, 1)));
    blocks.put(
        "adj_binary_scalar_args",
        block(
            backend.binaryScalar(BinaryKernel.SUB, x, 2.5, true, out),
            "a",
            0x100,
            "out",
            0x400,
            "scalar",
            2.5,
            "scalar_first",
            1,
            "depth",
            2,
            "dims",
            words(2, 3, 10, 2, 3, 1)));
    blocks.put(
        "adj_where_args",
        block(
            backend.where(mask, x, y, out),
            "condition",
            0x500,
            "a",
            0x100,
            "b",
            0x200,
            "out",
            0x400,
            "depth",
            2,
            "dims",
            words(2, 3, 0, 4, 10, 2, 20, 3, 3, 1)));
    blocks.put(
        "adj_fill_args",
        block(
            backend.fill(dense(0x100, 2, 3), 7),
            "out",
            0x100,
            "value",
            7.0,
            "depth",
            1,
            "dims",
            words(6, 1)));
  }

  private static void addReductions(Map<String, Expected> blocks) {
    View x = matrix(0x100, DType.F32, 10, 2);
    blocks.put(
        "adj_reduce_args",
        block(
            backend.reduce(ReduceKernel.SUM, x, dense(0x200, 2, 1)),
            "x",
            0x100,
            "out",
            0x200,
            "depth",
            2,
            "dims",
            words(2, 3, 10, 2, 1, 0)));
    blocks.put(
        "adj_argmax_args",
        block(
            backend.argmax(x, dense(0x200, DType.I64, 2)),
            "x",
            0x100,
            "out",
            0x200,
            "cols",
            3,
            "col_stride",
            2,
            "depth",
            1,
            "dims",
            words(2, 10, 1)));
    blocks.put(
        "adj_sum_squares_args",
        block(
            backend.sumSquares(List.of(dense(0x100, 4), dense(0x200, 5)), dense(0x300, DType.F64)),
            "out",
            0x300,
            "count",
            2,
            "words",
            words(0x100, 0x200, 4, 5)));
  }

  private static void addGemm(Map<String, Expected> blocks) {
    // b is transposed and shared by the whole batch.
    Layout shared = Layout.of(Shape.of(7, 3, 4), new long[] {0, 1, 3}, 0);
    View b = view(0x200, DType.F32, shared);
    View out = dense(0x300, 7, 2, 4);
    View before = dense(0x600, 7, 2, 4);
    Gemm spec =
        new Gemm(
            dense(0x100, 7, 2, 3),
            b,
            out,
            dense(0x400, 4),
            0.5,
            0,
            Precision.F32,
            UnaryKernel.SILU,
            before);
    blocks.put(
        "adj_gemm_args",
        block(
            backend.gemm(spec, memory(0x500)),
            "a",
            0x100,
            "b",
            0x200,
            "out",
            0x300,
            "before",
            0x600,
            "bias",
            0x400,
            "scratch",
            0x500,
            "m",
            2,
            "n",
            4,
            "k",
            3,
            "a_row",
            3,
            "a_col",
            1,
            "b_row",
            1,
            "b_col",
            3,
            "out_row",
            4,
            "alpha",
            0.5,
            "beta",
            0.0,
            "depth",
            1,
            "dims",
            words(7, 6, 0, 8)));
  }

  @Test
  void singleProductHasNoBatchLoops() {
    Gemm spec =
        new Gemm(
            dense(0x100, 2, 3), dense(0x200, 3, 4), dense(0x300, 2, 4), null, 1, 0, Precision.F32);
    NativeCall call = (NativeCall) backend.gemm(spec, memory(0));
    assertEquals(struct("adj_gemm_args").size() - 1, call.words().length, "no dims");
    assertEquals(0, call.words()[call.words().length - 1], "depth");
  }

  private static void addNorms(Map<String, Expected> blocks) {
    View x = dense(0x100, 5, 6);
    View out = dense(0x200, 5, 6);
    View weight = dense(0x300, 6);
    View bias = dense(0x400, 6);
    View mean = dense(0x500, 5);
    View rstd = dense(0x600, 5);
    View grad = dense(0x700, 5, 6);
    blocks.put(
        "adj_softmax_args",
        block(backend.softmax(x, out), "x", 0x100, "out", 0x200, "rows", 5, "cols", 6));
    blocks.put(
        "adj_softmax_grad_args",
        block(
            backend.softmaxGrad(grad, x, out),
            "grad",
            0x700,
            "y",
            0x100,
            "out",
            0x200,
            "rows",
            5,
            "cols",
            6));
    blocks.put(
        "adj_norm_args",
        block(
            backend.layerNorm(x, weight, bias, 1e-5, out, mean, rstd),
            "x",
            0x100,
            "weight",
            0x300,
            "bias",
            0x400,
            "out",
            0x200,
            "mean",
            0x500,
            "rstd",
            0x600,
            "rows",
            5,
            "cols",
            6,
            "eps",
            1e-5));
    blocks.put(
        "adj_norm_grad_args",
        block(
            backend.layerNormGrad(
                grad, x, weight, mean, rstd, out, dense(0x800, 6), dense(0x900, 6), memory(0xa00)),
            "grad",
            0x700,
            "x",
            0x100,
            "weight",
            0x300,
            "mean",
            0x500,
            "rstd",
            0x600,
            "grad_x",
            0x200,
            "grad_weight",
            0x800,
            "grad_bias",
            0x900,
            "scratch",
            0xa00,
            "rows",
            5,
            "cols",
            6));
  }

  private static void addLosses(Map<String, Expected> blocks) {
    View logits = view(0x100, DType.F32, Layout.of(Shape.of(5, 6), new long[] {7, 1}, 0));
    View targets = dense(0x200, DType.I64, 5);
    View logSumExp = dense(0x400, 5);
    View grad = view(0x500, DType.F32, Layout.of(Shape.of(5), new long[] {0}, 0));
    blocks.put(
        "adj_cross_entropy_args",
        block(
            backend.crossEntropy(logits, targets, -100, dense(0x300, 5), logSumExp),
            "logits",
            0x100,
            "targets",
            0x200,
            "losses",
            0x300,
            "log_sum_exp",
            0x400,
            "logits_stride",
            7,
            "rows",
            5,
            "classes",
            6,
            "ignore_index",
            -100));
    blocks.put(
        "adj_cross_entropy_grad_args",
        block(
            backend.crossEntropyGrad(
                grad,
                logits,
                targets,
                -100,
                logSumExp,
                view(0x600, DType.F32, Layout.of(Shape.of(5, 6), new long[] {8, 1}, 0))),
            "grad",
            0x500,
            "logits",
            0x100,
            "targets",
            0x200,
            "log_sum_exp",
            0x400,
            "out",
            0x600,
            "grad_stride",
            0,
            "logits_stride",
            7,
            "out_stride",
            8,
            "rows",
            5,
            "classes",
            6,
            "ignore_index",
            -100));
  }

  /** [B, H, T, D] as a transposed [B, T, H, D]: how a model splits heads. */
  private static View heads(long address, long length) {
    Layout split = Layout.contiguous(Shape.of(2, length, 3, 4));
    return view(address, DType.F32, split.transpose(1, 2));
  }

  private static void addAttention(Map<String, Expected> blocks) {
    View q = heads(0x100, 5);
    View k = heads(0x200, 7);
    View v = dense(0x300, 2, 3, 7, 4);
    View out = dense(0x400, 2, 3, 5, 4);
    View logSumExp = dense(0x500, 2, 3, 5);
    long[] qStrides = words(60, 4, 12);
    long[] kStrides = words(84, 4, 12);
    long[] vStrides = words(84, 28, 4);
    long[] outStrides = words(60, 20, 4);
    blocks.put(
        "adj_attention_args",
        block(
            backend.attention(q, k, v, true, 0.125, out, logSumExp, memory(0x600)),
            "q",
            0x100,
            "k",
            0x200,
            "v",
            0x300,
            "out",
            0x400,
            "log_sum_exp",
            0x500,
            "scratch",
            0x600,
            "batch",
            2,
            "heads",
            3,
            "tq",
            5,
            "tk",
            7,
            "d",
            4,
            "causal",
            1,
            "scale",
            0.125,
            "q_strides",
            qStrides,
            "k_strides",
            kStrides,
            "v_strides",
            vStrides,
            "out_strides",
            outStrides));
    blocks.put(
        "adj_attention_grad_args",
        block(
            backend.attentionGrad(
                heads(0x700, 5),
                q,
                k,
                v,
                out,
                logSumExp,
                false,
                0.125,
                dense(0x800, 2, 3, 5, 4),
                null,
                heads(0xa00, 7),
                memory(0xb00)),
            "grad",
            0x700,
            "q",
            0x100,
            "k",
            0x200,
            "v",
            0x300,
            "out",
            0x400,
            "log_sum_exp",
            0x500,
            "grad_q",
            0x800,
            "grad_k",
            0,
            "grad_v",
            0xa00,
            "scratch",
            0xb00,
            "batch",
            2,
            "heads",
            3,
            "tq",
            5,
            "tk",
            7,
            "d",
            4,
            "causal",
            0,
            "scale",
            0.125,
            "grad_strides",
            qStrides,
            "q_strides",
            qStrides,
            "k_strides",
            kStrides,
            "v_strides",
            vStrides,
            "out_strides",
            outStrides,
            "grad_q_strides",
            outStrides,
            "grad_k_strides",
            words(0, 0, 0),
            "grad_v_strides",
            kStrides));
  }

  private static void addIndexing(Map<String, Expected> blocks) {
    View indices = dense(0x200, DType.I64, 5);
    blocks.put(
        "adj_gather_args",
        block(
            backend.gather(dense(0x100, DType.F64, 9, 6), indices, dense(0x300, DType.F64, 5, 6)),
            "table",
            0x100,
            "indices",
            0x200,
            "out",
            0x300,
            "rows",
            9,
            "count",
            5,
            "row_bytes",
            48));
    blocks.put(
        "adj_scatter_add_args",
        block(
            backend.scatterAdd(dense(0x100, 5, 6), indices, dense(0x300, 9, 6)),
            "x",
            0x100,
            "indices",
            0x200,
            "out",
            0x300,
            "rows",
            9,
            "count",
            5,
            "width",
            6));
  }

  private static void addRandom(Map<String, Expected> blocks) {
    View key = dense(0x100, DType.I64, 2);
    View out = dense(0x200, 5, 6);
    blocks.put(
        "adj_next_key_args",
        block(backend.nextKey(dense(0x300, DType.I64, 2), key), "state", 0x300, "key", 0x100));
    blocks.put(
        "adj_random_args",
        block(
            backend.uniform(key, -1, 3, out),
            "key",
            0x100,
            "out",
            0x200,
            "a",
            -1.0,
            "b",
            3.0,
            "n",
            30));
    blocks.put(
        "adj_dropout_args",
        block(
            backend.dropout(key, 0.25, dense(0x300, 5, 6), out),
            "key",
            0x100,
            "x",
            0x300,
            "out",
            0x200,
            "p",
            0.25,
            "n",
            30));
  }

  private static void addOptimizers(Map<String, Expected> blocks) {
    List<View> w = List.of(dense(0x100, 4), dense(0x110, 5));
    List<View> g = List.of(dense(0x200, 4), dense(0x210, 5));
    List<View> m = List.of(dense(0x300, 4), dense(0x310, 5));
    List<View> v = List.of(dense(0x400, 4), dense(0x410, 5));
    View hyper = dense(0x500, DType.F64, 2);
    blocks.put(
        "adj_sgd_args",
        block(
            backend.sgd(w, g, List.of(), hyper, 0.9, 0.1, 0.01, true),
            "hyper",
            0x500,
            "momentum",
            0.9,
            "dampening",
            0.1,
            "weight_decay",
            0.01,
            "nesterov",
            1,
            "count",
            2,
            "words",
            words(0x100, 0x200, 0, 4, 0x110, 0x210, 0, 5)));
    blocks.put(
        "adj_adamw_args",
        block(
            backend.adamW(w, g, m, v, hyper, 0.9, 0.99, 1e-8, 0.01),
            "hyper",
            0x500,
            "beta1",
            0.9,
            "beta2",
            0.99,
            "eps",
            1e-8,
            "weight_decay",
            0.01,
            "count",
            2,
            "words",
            words(0x100, 0x200, 0x300, 0x400, 4, 0x110, 0x210, 0x310, 0x410, 5)));
    blocks.put(
        "adj_scale_args",
        block(
            backend.scale(w, dense(0x500)),
            "factor",
            0x500,
            "count",
            2,
            "words",
            words(0x100, 0x110, 4, 5)));
    Kernel probe = new Kernel("ceiling_copy", MemorySegment.NULL, MemorySegment.NULL);
    blocks.put(
        "adj_ceiling_args",
        block(
            Ceilings.call(probe, 0x100, 0x200, 0x300, memory(0x400), 64, 2, 10),
            "out",
            0x100,
            "a",
            0x200,
            "b",
            0x300,
            "work",
            0x400,
            "n",
            64,
            "chunks",
            2,
            "times",
            10));
  }
}
