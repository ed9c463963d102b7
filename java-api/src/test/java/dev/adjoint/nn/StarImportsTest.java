package dev.adjoint.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.Reference;
import dev.adjoint.Tensor;
import java.io.File;
import java.io.StringWriter;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import jdk.jshell.Diag;
import jdk.jshell.JShell;
import jdk.jshell.Snippet;
import jdk.jshell.SnippetEvent;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** A user imports whole packages, and no name of theirs is ambiguous then. */
@ExtendWith(Reference.class)
class StarImportsTest {
  private static final String IMPORTS =
      """
      import dev.adjoint.*;
      import dev.adjoint.nn.*;
      """;

  private static final String MODULES =
      """
      class Gate extends NeuralModule {
        private final ModuleList<Layer> parts =
            module("parts", new ModuleList<>(List.of(new Linear(2, 2), Activation.tanh())));
        private final Parameter scale = parameter("scale", Init.ones(2));

        record Result(Tensor value, Tensor gate) {}

        Result apply(Tensor x, Tensor signal) {
          return Scope.tidy(() -> {
            Tensor gate = parts.get(0).apply(signal).sigmoid();
            return new Result(x.mul(gate).mul(scale.get()), gate);
          });
        }
      }
      """;

  /** What is compiled against: this library, and the annotations in its class files. */
  private static List<String> classPath() throws URISyntaxException {
    List<String> entries = new ArrayList<>();
    for (Class<?> type : List.of(Tensor.class, NullMarked.class)) {
      URI place = type.getProtectionDomain().getCodeSource().getLocation().toURI();
      entries.add(Path.of(place).toString());
    }
    return entries;
  }

  private static final class Source extends SimpleJavaFileObject {
    private final String text;

    private Source(String name, String text) {
      super(URI.create("string:///" + name + ".java"), Kind.SOURCE);
      this.text = text;
    }

    @Override
    public CharSequence getCharContent(boolean ignoreEncodingErrors) {
      return text;
    }
  }

  @Test
  void javacTakesThem(@TempDir Path folder) throws URISyntaxException {
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    StringWriter messages = new StringWriter();
    List<String> options =
        List.of(
            "-d",
            folder.toString(),
            "-proc:none",
            "-Xlint:all",
            "-Werror",
            "-cp",
            String.join(File.pathSeparator, classPath()));
    List<JavaFileObject> sources =
        List.of(
            new Source("Gate", "import java.util.*;\n" + IMPORTS + MODULES),
            new Source(
                "Compact", // sees all of java.base besides
                IMPORTS + "void main() {\n  NeuralModule model = new Linear(2, 3);\n}\n"));
    boolean compiled = compiler.getTask(messages, null, null, options, null, sources).call();
    assertTrue(compiled, messages::toString);
  }

  @Test
  void jshellTakesThem() throws URISyntaxException {
    try (JShell shell = JShell.builder().executionEngine("local").build()) {
      classPath().forEach(shell::addToClasspath);
      eval(shell, "import module java.base;");
      IMPORTS.lines().forEach(line -> eval(shell, line));
      eval(shell, MODULES);
      eval(shell, "var gate = new Gate();");
      assertEquals(
          "\"[scale, parts.0.weight, parts.0.bias]\"",
          eval(shell, "gate.namedParameters().keySet().toString()"));
      eval(shell, "gate.close();");
    }
  }

  private static String eval(JShell shell, String source) {
    String value = "";
    for (SnippetEvent event : shell.eval(source)) {
      String diagnostics =
          shell
              .diagnostics(event.snippet())
              .map((Diag d) -> d.getMessage(null))
              .collect(Collectors.joining("\n"));
      assertEquals(Snippet.Status.VALID, event.status(), () -> source + ": " + diagnostics);
      assertNull(event.exception(), source);
      value = event.value() == null ? "" : event.value();
    }
    return value;
  }
}
