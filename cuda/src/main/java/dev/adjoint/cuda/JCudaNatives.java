package dev.adjoint.cuda;

import dev.adjoint.TensorException;
import dev.adjoint.spi.NativeFiles;
import java.io.IOException;
import java.net.URL;
import java.nio.file.Path;
import jcuda.JCudaVersion;

/**
 * JCuda's own native libraries. A class of JCuda extracts its library into the shared temporary
 * folder, and takes whatever file of that name lies there already, whoever put it there. So the
 * library is put into a folder of this user's alone, and that is the temporary folder while JCuda
 * loads it.
 */
final class JCudaNatives {
  private static final String FOLDER_PROPERTY = "java.io.tmpdir";

  private JCudaNatives() {}

  /**
   * Initialises a class of JCuda.
   *
   * @param library the base name of its native library
   * @throws TensorException if the library is missing, or what it depends on
   */
  static synchronized void load(String library, Runnable initialization) {
    String file = "lib" + library + "-" + JCudaVersion.get() + "-linux-x86_64.so";
    URL resource = JCudaNatives.class.getClassLoader().getResource("lib/" + file);
    if (resource == null) {
      throw new TensorException(
          "cuda: "
              + file
              + " is not on the class path; add the jars of org.jcuda with the classifier"
              + " linux-x86_64 (there are none for other platforms)");
    }
    String folder = System.getProperty(FOLDER_PROPERTY);
    try {
      Path extracted = NativeFiles.of(resource, file, NativeFiles.folders());
      System.setProperty(FOLDER_PROPERTY, String.valueOf(extracted.getParent()));
      initialization.run();
    } catch (IOException e) {
      throw new TensorException(
          "cuda: "
              + file
              + " cannot be extracted: "
              + e.getMessage()
              + "; XDG_CACHE_HOME in the environment names another folder for it",
          e);
    } catch (LinkageError e) {
      throw new TensorException("cuda: " + file + " does not load: " + e.getMessage(), e);
    } finally {
      System.setProperty(FOLDER_PROPERTY, folder);
    }
  }
}
