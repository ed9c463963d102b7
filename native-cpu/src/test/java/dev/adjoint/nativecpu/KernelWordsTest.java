package dev.adjoint.nativecpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.adjoint.DType;
import dev.adjoint.Precision;
import dev.adjoint.Shape;
import dev.adjoint.spi.AttentionKernels;
import dev.adjoint.spi.Gemm;
import dev.adjoint.spi.Kernel;
import dev.adjoint.spi.Layout;
import dev.adjoint.spi.Memory;
import dev.adjoint.spi.UnaryFunction;
import dev.adjoint.spi.View;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.RecordComponent;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * Holds every record of {@link Kernel} against its struct of kernels.h: each component is a field
 * of the same name and kind, in the same order, and the words have its value at the field's place.
 */
class KernelWordsTest {
  private static final Path HEADER = Path.of("src/main/c/include/kernels.h");
  private static final Pattern STRUCT =
      Pattern.compile("typedef struct \\{(.*?)\\} adj_(\\w+)_args;", Pattern.DOTALL);
  private static final Pattern FIELD =
      Pattern.compile("(?<type>.*?)(?<name>\\w+)(\\[(?<length>.*)\\])?");

  /** Records that share a struct with another one. */
  private static final Map<String, String> SHARED =
      Map.of(
          "copy", "unary",
          "cast", "unary",
          "log_softmax", "softmax",
          "log_softmax_grad", "softmax_grad",
          "layer_norm", "norm",
          "layer_norm_grad", "norm_grad",
          "rms_norm", "norm",
          "rms_norm_grad", "norm_grad",
          "uniform", "random",
          "normal", "random");

  /** For benchmarks alone. */
  private static final String NOT_OF_THE_SEAM = "ceiling";

  private enum Type {
    POINTER,
    DOUBLE,
    INTEGER,
    ARRAY
  }

  private static Map<String, Map<String, Type>> structs() throws IOException {
    Map<String, Map<String, Type>> structs = new LinkedHashMap<>();
    Matcher struct = STRUCT.matcher(Files.readString(HEADER).replaceAll("(?s)/\\*.*?\\*/", ""));
    while (struct.find()) {
      Map<String, Type> fields = new LinkedHashMap<>();
      for (String declaration : struct.group(1).strip().split(";\\s*", 0)) {
        Matcher field = FIELD.matcher(declaration);
        assertTrue(field.matches(), declaration);
        fields.put(field.group("name"), type(field.group("type"), field.group("length")));
      }
      structs.put(struct.group(2), fields);
    }
    return structs;
  }

  private static Type type(String declared, @Nullable String length) {
    if (length != null) {
      return Type.ARRAY;
    }
    if (declared.contains("*")) {
      return Type.POINTER;
    }
    return declared.strip().equals("double") ? Type.DOUBLE : Type.INTEGER;
  }

  private static Stream<Class<?>> records(Class<?> kind) {
    return kind.isRecord()
        ? Stream.of(kind)
        : Arrays.stream(kind.getPermittedSubclasses()).flatMap(KernelWordsTest::records);
  }

  /** {@code gradX} and {@code GradX} as {@code grad_x}. */
  private static String snake(String name) {
    return name.replaceAll("(?<=.)([A-Z])", "_$1")
        .toLowerCase(Locale.ROOT)
        .replace("adam_w", "adamw");
  }

  private static String structOf(Class<?> kernel) {
    String name = snake(kernel.getSimpleName());
    return SHARED.getOrDefault(name, name);
  }

  @Test
  void everyStructHasARecord() throws IOException {
    assertEquals(
        new TreeSet<>(structs().keySet()),
        Stream.concat(
                records(Kernel.class).map(KernelWordsTest::structOf), Stream.of(NOT_OF_THE_SEAM))
            .collect(Collectors.toCollection(TreeSet::new)));
  }

  @TestFactory
  Stream<DynamicTest> componentsAreTheFields() throws IOException {
    Map<String, Map<String, Type>> structs = structs();
    return records(Kernel.class)
        .map(
            kernel ->
                dynamicTest(
                    kernel.getSimpleName(),
                    () -> check(kernel, Objects.requireNonNull(structs.get(structOf(kernel))))));
  }

  private static void check(Class<?> type, Map<String, Type> fields)
      throws ReflectiveOperationException {
    Map<String, @Nullable Object> components = new LinkedHashMap<>();
    Kernel kernel = instance(type, components);
    long[] words = kernel.words();
    List<String> scalars = new ArrayList<>();
    fields.forEach(
        (name, kind) -> {
          if (kind != Type.ARRAY) {
            scalars.add(name);
          }
        });
    int previous = -1;
    boolean lists = false;
    for (Map.Entry<String, @Nullable Object> component : components.entrySet()) {
      Object value = component.getValue();
      if (value instanceof List) {
        lists = true;
        assertEquals(((List<?>) value).size(), words[scalars.indexOf("count")]);
        continue;
      }
      int place = scalars.indexOf(component.getKey());
      assertTrue(place > previous, component.getKey() + " is not the next of " + scalars);
      assertFalse(lists, "lists come last, as in the struct");
      previous = place;
      Type kind = fields.get(component.getKey());
      switch (value) {
        case View view -> {
          assertEquals(Type.POINTER, kind, component.getKey());
          assertEquals(view.address(), words[place], component.getKey());
        }
        case Double number -> {
          assertEquals(Type.DOUBLE, kind, component.getKey());
          assertEquals(number, Double.longBitsToDouble(words[place]), component.getKey());
        }
        case Boolean flag -> assertEquals(flag ? 1 : 0, words[place], component.getKey());
        case Long number -> assertEquals(number, words[place], component.getKey());
        case null, default -> throw new AssertionError(component.getKey() + " is " + value);
      }
    }
    int scratch = scalars.indexOf("scratch");
    assertEquals(scratch, kernel.symbol().scratchWord());
    assertEquals(scratch >= 0, kernel.symbol().scratchBytes() != null);
    for (int i = 0; i < scalars.size(); i++) {
      boolean free = !components.containsKey(scalars.get(i));
      if (free && fields.get(scalars.get(i)) == Type.POINTER) {
        assertEquals(0, words[i], scalars.get(i) + " has no component");
      }
    }
    int depth = scalars.indexOf("depth");
    if (depth >= 0) {
      assertTrue(words.length >= scalars.size() + 2 * words[depth], "loops are left out");
    }
  }

  /** A kernel whose parts all differ; what is a field, by its name in C, goes to {@code fields}. */
  private static Kernel instance(Class<?> type, Map<String, @Nullable Object> fields)
      throws ReflectiveOperationException {
    RecordComponent[] components = type.getRecordComponents();
    Class<?>[] types = new Class<?>[components.length];
    @Nullable Object[] values = new Object[components.length];
    for (int i = 0; i < components.length; i++) {
      types[i] = components[i].getType();
      values[i] = value(type, components[i], i + 1);
      boolean namesTheSymbol = Enum.class.isAssignableFrom(types[i]);
      if (!namesTheSymbol) {
        fields.put(snake(components[i].getName()), values[i]);
      }
    }
    return (Kernel) type.getDeclaredConstructor(types).newInstance(values);
  }

  private static Object value(Class<?> kernel, RecordComponent component, int number) {
    Class<?> type = component.getType();
    if (type == View.class) {
      boolean heads = AttentionKernels.class.isAssignableFrom(kernel);
      return view(number, heads ? Shape.of(2, 3, 5, 7) : Shape.of(2, 3));
    }
    if (type == double.class) {
      // An activation, which is there too, excludes another beta than 0.
      return kernel == Gemm.class && component.getName().equals("beta") ? 0.0 : number + 0.5;
    }
    if (type == long.class) {
      return (long) number;
    }
    if (type == boolean.class) {
      return true;
    }
    if (type == List.class) {
      return List.of(view(100L + number, Shape.of(4)), view(200L + number, Shape.of(6)));
    }
    if (type == Precision.class) {
      return Precision.F32;
    }
    return type == UnaryFunction.class ? UnaryFunction.SILU : type.getEnumConstants()[0];
  }

  /** Nothing runs on these addresses; each is different. */
  private static View view(long number, Shape shape) {
    return new View(
        new Memory(number << 16, 0, MemorySegment.NULL), Layout.contiguous(shape), DType.F32);
  }
}
