import com.google.googlejavaformat.java.Formatter;
import com.google.googlejavaformat.java.FormatterException;
import com.google.googlejavaformat.java.JavaFormatterOptions;
import com.google.googlejavaformat.java.RemoveUnusedImports;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;

/**
 * Checks or applies google-java-format on every Java file below a folder. Run by the build with JDK
 * 25: the formatter parses with the javac of the JVM it runs on, and Maven itself may run on JDK
 * 17, whose javac does not know the language of this project. Hence no Spotless.
 */
final class Format {
  private static final Set<String> SKIPPED_FOLDERS = Set.of(".git", "target", "shared");

  public static void main(String[] arguments) throws IOException {
    Path root = Path.of(arguments[0]).toRealPath();
    boolean apply = arguments[1].equals("apply");
    List<String> complaints = Collections.synchronizedList(new ArrayList<>());
    javaFiles(root).parallelStream().forEach(file -> format(root, file, apply, complaints));
    if (!complaints.isEmpty()) {
      Collections.sort(complaints);
      complaints.forEach(System.err::println);
      System.err.println("Format the sources with: mvn -q -N verify -Dformat=apply");
      System.exit(1);
    }
  }

  private static void format(Path root, Path file, boolean apply, List<String> complaints) {
    try {
      // One formatter per file: it keeps state while it works.
      Formatter formatter = new Formatter(JavaFormatterOptions.defaultOptions());
      String before = Files.readString(file);
      String after =
          formatter.formatSource(RemoveUnusedImports.removeUnusedImports(before)).stripTrailing()
              + "\n";
      if (before.equals(after)) {
        return;
      }
      if (apply) {
        Files.writeString(file, after);
      } else {
        complaints.add("Not formatted: " + root.relativize(file));
      }
    } catch (FormatterException | IOException e) {
      complaints.add("Cannot format " + root.relativize(file) + ": " + e.getMessage());
    }
  }

  private static List<Path> javaFiles(Path root) throws IOException {
    List<Path> files = new ArrayList<>();
    Files.walkFileTree(
        root,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes) {
            return SKIPPED_FOLDERS.contains(String.valueOf(folder.getFileName()))
                ? FileVisitResult.SKIP_SUBTREE
                : FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
            if (file.toString().endsWith(".java")) {
              files.add(file);
            }
            return FileVisitResult.CONTINUE;
          }
        });
    return files;
  }
}
