package dev.adjoint.cuda;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.TensorException;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/** What the fatbins of this build contain; skipped where it had no nvcc. */
class FatbinTest {
  private static byte[] bytes(String name) throws IOException {
    try (InputStream file = Fatbin.class.getResourceAsStream(name)) {
      Assumptions.assumeTrue(file != null, "this build has no GPU kernels");
      return file.readAllBytes();
    }
  }

  @Test
  void driversOfCuda13GetMachineCodeForEachArchitecture() throws IOException {
    Fatbin fatbin = Fatbin.parse(bytes("adjoint-cuda13.fatbin"));
    Set<Integer> cubins =
        fatbin.images().stream()
            .filter(Fatbin.Cubin.class::isInstance)
            .map(Fatbin.Image::architecture)
            .collect(Collectors.toCollection(TreeSet::new));
    assertEquals(Set.of(80, 86, 89, 90, 100, 120), cubins);
    assertTrue(fatbin.toString().startsWith("sm_80, sm_86, "), fatbin::toString);
    Fatbin.Ptx ptx = (Fatbin.Ptx) fatbin.images().getLast();
    assertEquals(80, ptx.architecture());
    assertTrue(ptx.version().startsWith("9."), ptx::toString);
  }

  @Test
  void driversOfCuda12GetPtxThatTheFirstOfThemReads() throws IOException {
    byte[] bytes = bytes("adjoint-cuda12.fatbin");
    assertEquals("PTX 8.0 for sm_80", Fatbin.parse(bytes).toString());
    // The header says so; what a driver reads is the text.
    Matcher text =
        Pattern.compile("^\\.version (.*)\n\\.target (.*)\n", Pattern.MULTILINE)
            .matcher(new String(bytes, ISO_8859_1));
    assertTrue(text.find());
    assertEquals("8.0", text.group(1));
    assertEquals("sm_80", text.group(2));
  }

  @Test
  void kernelsOfEachFileAreThere() throws IOException {
    String ptx = new String(bytes("adjoint-cuda12.fatbin"), ISO_8859_1);
    for (String kernel : new String[] {"silu_f32", "layer_norm_grad_f64", "attention_f32"}) {
      assertTrue(ptx.contains(".entry adj_" + kernel + "("), kernel);
    }
  }

  @Test
  void whatIsNoFatbinIsRefused() throws IOException {
    byte[] bytes = bytes("adjoint-cuda12.fatbin");
    assertThrows(TensorException.class, () -> Fatbin.parse(new byte[0]));
    assertThrows(TensorException.class, () -> Fatbin.parse(new byte[64]));
    byte[] half = Arrays.copyOf(bytes, bytes.length / 2);
    String message = assertThrows(TensorException.class, () -> Fatbin.parse(half)).getMessage();
    assertTrue(String.valueOf(message).contains("cut short"), message);
  }
}
