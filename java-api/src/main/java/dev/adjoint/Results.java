package dev.adjoint;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.RecordComponent;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Finds the tensors in a result: alone, or in records, collections, maps, arrays and optionals, to
 * any depth. An object of another class could hide some, which would then be closed unnoticed, so
 * it is refused.
 */
final class Results {
  /** The methods that read the components of a record; they hold nothing but the record's class. */
  private static final ClassValue<Method[]> COMPONENTS =
      new ClassValue<>() {
        @Override
        protected Method[] computeValue(Class<?> type) {
          List<Method> methods = new ArrayList<>();
          for (RecordComponent component : type.getRecordComponents()) {
            if (!component.getType().isPrimitive()) {
              methods.add(component.getAccessor());
            }
          }
          return methods.toArray(Method[]::new);
        }
      };

  private final List<Tensor> tensors = new ArrayList<>();
  private final Deque<Object> ahead = new ArrayDeque<>();

  /** What has been looked into: something may be inside itself. */
  private final Set<Object> seen = Collections.newSetFromMap(new IdentityHashMap<>());

  private Results() {}

  /**
   * The tensors in {@code result}, in no particular order.
   *
   * @throws TensorException if something in it is of a class that could hide tensors
   */
  static List<Tensor> tensors(@Nullable Object result) {
    Results results = new Results();
    results.meet(result);
    while (!results.ahead.isEmpty()) { // no recursion: a chain of records may be long
      results.lookInto(results.ahead.pop());
    }
    return results.tensors;
  }

  private void meet(@Nullable Object object) {
    if (object instanceof Tensor tensor) {
      tensors.add(tensor);
    } else if (object != null && !isPlain(object) && seen.add(object)) {
      ahead.push(object);
    }
  }

  /** Whether it holds no other objects. */
  private static boolean isPlain(Object object) {
    return switch (object) {
      case String _, Boolean _, Character _, Enum<?> _, Shape _, Device _ -> true;
      case OptionalInt _, OptionalLong _, OptionalDouble _ -> true;
      case Number _ -> object.getClass().getModule() == Object.class.getModule();
      default -> object.getClass().isArray() && object.getClass().componentType().isPrimitive();
    };
  }

  private void lookInto(Object object) {
    switch (object) {
      case Collection<?> collection -> collection.forEach(this::meet);
      case Map<?, ?> map ->
          map.forEach(
              (key, value) -> {
                meet(key);
                meet(value);
              });
      case Optional<?> optional -> optional.ifPresent(this::meet);
      case Object[] array -> {
        for (Object element : array) {
          meet(element);
        }
      }
      case Record record -> {
        for (Method component : COMPONENTS.get(record.getClass())) {
          meet(read(record, component));
        }
      }
      default ->
          throw new TensorException(
              "scope: the result holds a "
                  + object.getClass().getName()
                  + ", in which tensors cannot be found; return them in records, lists, maps or"
                  + " arrays");
    }
  }

  private static @Nullable Object read(Record record, Method component) {
    try {
      if (!component.canAccess(record)) {
        component.setAccessible(true); // the record's class is not public
      }
      return component.invoke(record);
    } catch (InvocationTargetException e) {
      throw new TensorException(
          "scope: " + component + ", which reads a part of the result, has thrown " + e.getCause(),
          e);
    } catch (IllegalAccessException | RuntimeException e) {
      throw new TensorException(
          "scope: the result holds the record "
              + record.getClass().getName()
              + ", which this library may not read; make it public in a package that its module"
              + " exports, or write 'opens "
              + record.getClass().getPackageName()
              + " to dev.adjoint;' in its module-info.java",
          e);
    }
  }
}
