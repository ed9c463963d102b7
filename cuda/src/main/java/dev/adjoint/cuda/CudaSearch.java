package dev.adjoint.cuda;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Looks for what a CUDA program needs: the driver, its library, device files, the toolkit. */
final class CudaSearch {
  private static final String DRIVER_LIBRARY = "libcuda.so.1";

  private final Path root;
  private final Map<String, String> environment;

  CudaSearch() {
    this(Path.of("/"), System.getenv());
  }

  /** For tests: another root of the file system, another environment. */
  CudaSearch(Path root, Map<String, String> environment) {
    this.root = root;
    this.environment = environment;
  }

  /** A line for each thing looked for. */
  List<String> lines() {
    List<String> lines = new ArrayList<>();
    lines.add("driver: " + driver());
    lines.add(DRIVER_LIBRARY + ": " + library());
    lines.add("device files: " + deviceFiles());
    lines.add("toolkit: " + toolkit());
    return lines;
  }

  private String driver() {
    Path version = root.resolve("proc/driver/nvidia/version");
    try (var lines = Files.lines(version)) {
      return lines.findFirst().map(String::strip).orElse(version + " is empty");
    } catch (IOException e) {
      return "not loaded (no " + version + ")";
    }
  }

  private String library() {
    Set<Path> folders = libraryFolders();
    for (Path folder : folders) {
      Path file = folder.resolve(DRIVER_LIBRARY);
      if (Files.exists(file)) {
        return file.toString();
      }
    }
    return "not found in "
        + String.join(", ", folders.stream().map(Path::toString).toList())
        + "; it comes with the NVIDIA driver";
  }

  /** Where the dynamic loader looks: LD_LIBRARY_PATH, ld.so.conf, the usual folders. */
  private Set<Path> libraryFolders() {
    Set<Path> folders = new LinkedHashSet<>();
    for (String entry : environment.getOrDefault("LD_LIBRARY_PATH", "").split(":", -1)) {
      if (!entry.isEmpty()) {
        folders.add(Path.of(entry));
      }
    }
    try (DirectoryStream<Path> files =
        Files.newDirectoryStream(root.resolve("etc/ld.so.conf.d"), "*.conf")) {
      for (Path file : files) {
        for (String line : Files.readAllLines(file)) {
          if (line.startsWith("/")) {
            folders.add(root.resolve(line.strip().substring(1)));
          }
        }
      }
    } catch (IOException e) {
      // a loader without such a folder has only the usual ones
    }
    for (String usual : List.of("usr/lib64", "usr/lib", "usr/lib/wsl/lib")) {
      folders.add(root.resolve(usual));
    }
    return folders;
  }

  private String deviceFiles() {
    List<String> found = new ArrayList<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(root.resolve("dev"), "nvidia*")) {
      files.forEach(file -> found.add(file.toString()));
    } catch (IOException e) {
      // told as nothing found
    }
    found.sort(null);
    return found.isEmpty()
        ? "none (no " + root.resolve("dev/nvidia*") + ")"
        : String.join(", ", found);
  }

  private String toolkit() {
    String home = environment.getOrDefault("CUDA_HOME", "");
    if (!home.isEmpty()) {
      Path compiler = Path.of(home, "bin", "nvcc");
      return "CUDA_HOME=" + home + (Files.exists(compiler) ? "" : ", without " + compiler);
    }
    Path usual = root.resolve("usr/local/cuda");
    return Files.exists(usual) ? usual.toString() : "CUDA_HOME is not set and there is no " + usual;
  }
}
