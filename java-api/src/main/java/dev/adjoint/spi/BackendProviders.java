package dev.adjoint.spi;

import java.util.ArrayList;
import java.util.List;
import java.util.Iterator;
import java.util.Map;
import java.util.Optional;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;

/**
 * What {@link ServiceLoader} finds on the class path or module path, without the reference backend,
 * which needs no looking for.
 *
 * @param usable every provider that could be made
 * @param problems a sentence for each that should be there and is not
 */
public record BackendProviders(List<BackendProvider> usable, List<String> problems) {
  /** Those of this library, by type: their class, and the artifact that it is in. */
  private static final Map<String, Known> KNOWN =
      Map.of(
          "cpu", new Known("dev.adjoint.nativecpu.NativeCpuProvider", "adjoint-native-cpu"),
          "cuda", new Known("dev.adjoint.cuda.CudaProvider", "adjoint-cuda"));

  /** More would be the same one again: the loader makes no headway. */
  private static final int MOST_PROBLEMS = 20;

  private record Known(String className, String artifact) {
    boolean isMeant(String problem) {
      return problem.contains(className);
    }
  }

  /** Unmodifiable copies. */
  public BackendProviders {
    usable = List.copyOf(usable);
    problems = List.copyOf(problems);
  }

  /** Looks where this library itself comes from. */
  public static BackendProviders find() {
    return find(BackendProviders.class.getClassLoader());
  }

  /** Looks with a class loader. A provider that fails does not take the others down. */
  static BackendProviders find(ClassLoader loader) {
    List<BackendProvider> usable = new ArrayList<>();
    List<String> problems = new ArrayList<>();
    Iterator<BackendProvider> all = ServiceLoader.load(BackendProvider.class, loader).iterator();
    boolean more = true;
    while (more && problems.size() < MOST_PROBLEMS) {
      try {
        more = all.hasNext();
        if (more) {
          usable.add(all.next());
        }
      } catch (ServiceConfigurationError | LinkageError e) {
        problems.add("a provider of backends cannot be loaded: " + reason(e));
      }
    }
    KNOWN.forEach(
        (type, known) -> {
          boolean found = usable.stream().anyMatch(provider -> provider.type().equals(type));
          boolean told = problems.stream().anyMatch(known::isMeant);
          if (!found && !told && exists(known.className, loader)) {
            problems.add(notNamed(known));
          }
        });
    return new BackendProviders(usable, problems);
  }

  private static String reason(Throwable e) {
    Throwable cause = e.getCause();
    return cause == null ? e.toString() : e.getMessage() + ": " + cause;
  }

  private static boolean exists(String className, ClassLoader loader) {
    try {
      Class.forName(className, false, loader);
      return true;
    } catch (ClassNotFoundException | LinkageError e) {
      return false;
    }
  }

  /** What happens to programs that are packed into one jar: one file of a name hides the other. */
  private static String notNamed(Known known) {
    return known.className
        + " is on the class path, but no META-INF/services/"
        + BackendProvider.class.getName()
        + " names it: merge these files when putting several jars into one (maven-shade-plugin:"
        + " ServicesResourceTransformer; Gradle's shadow: mergeServiceFiles())";
  }

  /** The provider of a type of devices. */
  public Optional<BackendProvider> ofType(String type) {
    return usable.stream().filter(provider -> provider.type().equals(type)).findFirst();
  }

  /** Why there is none of a type, and the way out. */
  public String whyNot(String type) {
    Known known = KNOWN.get(type);
    List<String> its =
        problems.stream().filter(known == null ? _ -> true : known::isMeant).toList();
    if (!its.isEmpty()) {
      return String.join("; ", its);
    }
    return "no provider of type '"
        + type
        + "' is on the class path or module path"
        + (known == null ? "" : "; add " + known.artifact)
        + (problems.isEmpty() ? "" : " (" + String.join("; ", problems) + ")");
  }
}
