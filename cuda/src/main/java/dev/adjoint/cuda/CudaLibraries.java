package dev.adjoint.cuda;

import dev.adjoint.TensorException;
import dev.adjoint.spi.NativeFiles;
import dev.adjoint.spi.Settings;
import java.io.IOException;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Finds shared libraries of CUDA, and remembers each place it tried: the folder of {@code
 * -Dadjoint.cuda.path}, {@code CUDA_HOME}, {@code /usr/local/cuda}, where the dynamic loader looks,
 * Python's {@code nvidia/<package>/lib}, and jars of org.bytedeco:cuda on the class path.
 */
final class CudaLibraries {
  /** A folder that is looked into first. */
  static final String PATH_PROPERTY = "adjoint.cuda.path";

  private static final String IN_JAR = "org/bytedeco/cuda/linux-x86_64/";

  private final Path root;
  private final Map<String, String> environment;
  private final @Nullable Path configured;

  /**
   * Of this machine.
   *
   * @throws TensorException if the property names no folder
   */
  CudaLibraries() {
    this(Path.of("/"), System.getenv(), Settings.folder(PATH_PROPERTY));
  }

  /** For tests: another root of the file system, another environment, another folder. */
  CudaLibraries(Path root, Map<String, String> environment, @Nullable Path configured) {
    this.root = root;
    this.environment = environment;
    this.configured = configured;
  }

  /**
   * What became of looking for a library.
   *
   * @param name its soname
   * @param file where it lies; null if it was not found
   * @param tried the places that were looked into, in this order
   */
  record Search(String name, @Nullable Path file, List<String> tried) {
    @Override
    public String toString() {
      return file != null
          ? name + ": " + file
          : name + ": not found in " + String.join(", ", tried);
    }
  }

  /** Looks for a library by its soname. */
  Search find(String name) {
    List<String> tried = new ArrayList<>();
    for (Path folder : folders()) {
      tried.add(folder.toString());
      Path file = folder.resolve(name);
      if (Files.exists(file)) {
        return new Search(name, file, tried);
      }
    }
    tried.add("the class path (" + IN_JAR + ")");
    return new Search(name, inJar(name), tried);
  }

  private static @Nullable Path inJar(String name) {
    URL resource = CudaLibraries.class.getClassLoader().getResource(IN_JAR + name);
    if (resource == null) {
      return null;
    }
    try {
      return NativeFiles.of(resource, name, NativeFiles.folders());
    } catch (IOException e) {
      System.getLogger("dev.adjoint")
          .log(
              System.Logger.Level.WARNING,
              name
                  + " cannot be taken from "
                  + resource
                  + "; XDG_CACHE_HOME in the environment names another folder for it",
              e);
      return null;
    }
  }

  private Set<Path> folders() {
    Set<Path> folders = new LinkedHashSet<>();
    if (configured != null) {
      folders.add(configured);
    }
    folder(environment.get("CUDA_HOME")).ifPresent(home -> folders.add(home.resolve("lib64")));
    folders.add(root.resolve("usr/local/cuda/lib64"));
    addLoaderFolders(folders);
    addPythonFolders(folders);
    return folders;
  }

  /**
   * A folder that the environment names. One that Java cannot write as a path, as letters beyond
   * ASCII under LC_ALL=C, can hold no library for it either.
   */
  private static Optional<Path> folder(@Nullable String name) {
    try {
      return name == null || name.isEmpty() ? Optional.empty() : Optional.of(Path.of(name));
    } catch (InvalidPathException e) {
      return Optional.empty();
    }
  }

  /** Where the dynamic loader looks: LD_LIBRARY_PATH, ld.so.conf, the usual folders. */
  private void addLoaderFolders(Set<Path> folders) {
    for (String entry : environment.getOrDefault("LD_LIBRARY_PATH", "").split(":", -1)) {
      folder(entry).ifPresent(folders::add);
    }
    List<Path> settings = new ArrayList<>(matches(root.resolve("etc/ld.so.conf.d"), "*.conf"));
    settings.add(root.resolve("etc/ld.so.conf"));
    for (Path file : settings) {
      for (String line : lines(file)) {
        if (line.startsWith("/")) {
          folders.add(root.resolve(line.strip().substring(1)));
        }
      }
    }
    for (String usual :
        List.of(
            "usr/lib/x86_64-linux-gnu",
            "usr/lib64",
            "usr/lib",
            "usr/local/nvidia/lib64", // in containers
            "usr/lib/wsl/lib")) {
      folders.add(root.resolve(usual));
    }
  }

  /** Where pip puts the wheels nvidia-cublas and nvidia-cublas-cu12. */
  private void addPythonFolders(Set<Path> folders) {
    List<Path> prefixes = new ArrayList<>();
    for (String variable : List.of("VIRTUAL_ENV", "CONDA_PREFIX")) {
      folder(environment.get(variable)).ifPresent(prefixes::add);
    }
    prefixes.add(root.resolve("usr/local"));
    prefixes.add(root.resolve("usr"));
    folder(environment.get("HOME")).ifPresent(home -> prefixes.add(home.resolve(".local")));
    for (Path prefix : prefixes) {
      for (Path python : matches(prefix.resolve("lib"), "python3*")) {
        for (Path packages : matches(python, "{site,dist}-packages")) {
          for (Path wheel : matches(packages.resolve("nvidia"), "*")) {
            folders.add(wheel.resolve("lib"));
          }
        }
      }
    }
  }

  /** What is there besides libraries, a line for each thing. */
  List<String> machine() {
    return List.of("driver: " + driver(), "device files: " + deviceFiles());
  }

  private String driver() {
    Path version = root.resolve("proc/driver/nvidia/version");
    List<String> lines = lines(version);
    return lines.isEmpty() ? "not loaded (no " + version + ")" : lines.getFirst().strip();
  }

  private String deviceFiles() {
    List<Path> found = matches(root.resolve("dev"), "nvidia*");
    return found.isEmpty()
        ? "none (no " + root.resolve("dev/nvidia*") + ")"
        : String.join(", ", found.stream().map(Path::toString).toList());
  }

  /** What matches in a folder, sorted; nothing if there is no such folder. */
  private static List<Path> matches(Path folder, String glob) {
    List<Path> found = new ArrayList<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, glob)) {
      files.forEach(found::add);
    } catch (IOException | DirectoryIteratorException e) {
      return List.of(); // not every machine has every folder
    }
    found.sort(null);
    return found;
  }

  private static List<String> lines(Path file) {
    try {
      return new String(NativeFiles.readAllBytes(file), StandardCharsets.UTF_8).lines().toList();
    } catch (IOException e) {
      return List.of(); // not every machine has every file
    }
  }
}
