package dev.adjoint.nativecpu;

import dev.adjoint.spi.NativeFiles;
import java.io.IOException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Where shared libraries come from: a folder that the user named, or the resources of this jar. */
sealed interface LibrarySource {
  /** Names a folder whose libraries are used, in place, instead of those in the jar. */
  String PATH_PROPERTY = "adjoint.native.path";

  /** What this machine is told to use. */
  static LibrarySource configured() {
    String folder = System.getProperty(PATH_PROPERTY, "");
    return folder.isEmpty()
        ? new InJar(
            "lib/" + Platform.resourceFolder(),
            LibrarySource.class::getResource,
            NativeFiles.cacheFolder())
        : new InFolder(Path.of(folder).toAbsolutePath());
  }

  /** The library's file, ready to load; null if there is none. */
  @Nullable Path find(String fileName) throws IOException;

  /** The place, for messages. */
  String place();

  /** Libraries in a folder, which must be as trustworthy as the program itself. */
  record InFolder(Path folder) implements LibrarySource {
    @Override
    public @Nullable Path find(String fileName) {
      Path file = folder.resolve(fileName);
      return Files.isRegularFile(file) ? file : null;
    }

    @Override
    public String place() {
      return "the folder " + folder + " (-D" + PATH_PROPERTY + ")";
    }
  }

  /**
   * Libraries in a jar, as {@link NativeFiles}. A library finds the base library, which is loaded
   * first, by its soname.
   *
   * @param folder the resources' folder
   * @param resources finds a resource
   * @param cache where the files go; null or not usable: a temporary folder serves
   */
  record InJar(String folder, Function<String, @Nullable URL> resources, @Nullable Path cache)
      implements LibrarySource {
    @Override
    public @Nullable Path find(String fileName) throws IOException {
      URL resource = resources.apply(folder + "/" + fileName);
      return resource == null ? null : NativeFiles.of(resource, fileName, cache);
    }

    @Override
    public String place() {
      return "the resources " + getClass().getPackageName().replace('.', '/') + "/" + folder;
    }
  }
}
