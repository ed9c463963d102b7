package dev.adjoint.nativecpu;

import dev.adjoint.TensorException;
import dev.adjoint.spi.NativeFiles;
import dev.adjoint.spi.Settings;
import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Where shared libraries come from: a folder that the user named, or the resources of this jar. */
sealed interface LibrarySource {
  /** Names a folder whose libraries are used, in place, instead of those in the jar. */
  String PATH_PROPERTY = "adjoint.native.path";

  /**
   * What this machine is told to use.
   *
   * @throws TensorException if that is no folder
   */
  static LibrarySource configured() {
    Path folder = Settings.folder(PATH_PROPERTY);
    if (folder != null) {
      return new InFolder(folder.toAbsolutePath());
    }
    Path cache = NativeFiles.cacheFolder();
    return new InJar(
        "lib/" + Platform.resourceFolder(),
        LibrarySource.class::getResource,
        cache == null ? List.of() : List.of(cache));
  }

  /** Whether there is such a library. */
  boolean has(String fileName);

  /**
   * Loads a library.
   *
   * @param abiSymbol the function that tells the version of its binary interface
   * @throws TensorException if there is none, or it cannot be used
   */
  NativeLibrary open(String fileName, String abiSymbol);

  /** The place, for messages. */
  String place();

  /** Libraries in a folder, which must be as trustworthy as the program itself. */
  record InFolder(Path folder) implements LibrarySource {
    @Override
    public boolean has(String fileName) {
      return Files.isRegularFile(folder.resolve(fileName));
    }

    @Override
    public NativeLibrary open(String fileName, String abiSymbol) {
      if (!has(fileName)) {
        throw missing(this, fileName);
      }
      return NativeLibrary.open(folder.resolve(fileName), abiSymbol);
    }

    @Override
    public String place() {
      return "the folder " + folder + " (-D" + PATH_PROPERTY + ")";
    }
  }

  /**
   * Libraries in a jar: as files of this user's cache, where profilers and debuggers find them; in
   * memory if the cache does not serve. A library finds the base library, which is loaded first, by
   * its soname.
   *
   * @param folder the resources' folder
   * @param resources finds a resource
   * @param caches where the files may go
   */
  record InJar(String folder, Function<String, @Nullable URL> resources, List<Path> caches)
      implements LibrarySource {
    public InJar {
      caches = List.copyOf(caches);
    }

    @Override
    public boolean has(String fileName) {
      return resources.apply(folder + "/" + fileName) != null;
    }

    @Override
    public NativeLibrary open(String fileName, String abiSymbol) {
      URL resource = resources.apply(folder + "/" + fileName);
      if (resource == null) {
        throw missing(this, fileName);
      }
      Path file;
      try {
        file = NativeFiles.of(resource, fileName, caches);
      } catch (IOException e) {
        return openInMemory(resource, fileName, abiSymbol, e);
      }
      return NativeLibrary.open(file, abiSymbol);
    }

    private NativeLibrary openInMemory(
        URL resource, String fileName, String abiSymbol, IOException reason) {
      String why = String.valueOf(reason.getMessage());
      try (InputStream in = resource.openStream()) {
        return NativeLibrary.openInMemory(
            fileName + " in memory, because " + why, fileName, in.readAllBytes(), abiSymbol);
      } catch (IOException e) {
        e.addSuppressed(reason);
        throw NativeLibrary.unusable(
            "the library "
                + fileName
                + " can be loaded neither from a file ("
                + why
                + ") nor from memory ("
                + e.getMessage()
                + "); XDG_CACHE_HOME in the environment names another folder for it, -D"
                + PATH_PROPERTY
                + " one that has the libraries",
            e);
      }
    }

    @Override
    public String place() {
      return "the resources " + getClass().getPackageName().replace('.', '/') + "/" + folder;
    }
  }

  private static TensorException missing(LibrarySource source, String fileName) {
    return NativeLibrary.unusable("there is no " + fileName + " in " + source.place());
  }
}
