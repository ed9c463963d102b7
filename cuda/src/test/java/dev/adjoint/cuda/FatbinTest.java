package dev.adjoint.cuda;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.TensorException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/** What the fatbins of this build contain; skipped where it had no nvcc. */
class FatbinTest {
  private static final int ELF_MAGIC = 0x464C457F;
  private static final int ELF_SECTIONS = 40;
  private static final int ELF_FLAGS = 48;
  private static final int ELF_SECTION_BYTES = 58;
  private static final int ELF_SECTION_COUNT = 60;
  private static final int ELF_NAMES = 62;
  private static final int SECTION_AT = 24;
  private static final int SECTION_SIZE = 32;

  private static byte[] bytes(String name) throws IOException {
    try (InputStream file = Fatbin.class.getResourceAsStream(name)) {
      Assumptions.assumeTrue(file != null, "this build has no GPU kernels");
      return file.readAllBytes();
    }
  }

  private static Set<Integer> cubins(Fatbin fatbin) {
    return fatbin.images().stream()
        .filter(Fatbin.Cubin.class::isInstance)
        .map(Fatbin.Image::architecture)
        .collect(Collectors.toSet());
  }

  private static Fatbin.Ptx ptx(Fatbin fatbin) {
    return fatbin.images().stream()
        .filter(Fatbin.Ptx.class::isInstance)
        .map(Fatbin.Ptx.class::cast)
        .findFirst()
        .orElseThrow();
  }

  @Test
  void driversOfCuda13GetMachineCodeForEachArchitecture() throws IOException {
    Fatbin fatbin = Fatbin.parse(bytes("adjoint-cuda13.fatbin"));
    assertEquals(Set.of(80, 86, 89, 90, 100, 120), cubins(fatbin));
    assertEquals(80, ptx(fatbin).architecture());
    assertTrue(ptx(fatbin).version().startsWith("9."), fatbin::toString);
    assertTrue(fatbin.toString().startsWith("sm_80, sm_86, "), fatbin::toString);
  }

  @Test
  void driversOfCuda12GetPtxThatTheFirstOfThemReads() throws IOException {
    byte[] bytes = bytes("adjoint-cuda12.fatbin");
    assertEquals("PTX 8.0 for sm_80", ptx(Fatbin.parse(bytes)).toString());
    // The header says so; what a driver reads is the text.
    Matcher text =
        Pattern.compile("^\\.version (.*)\n\\.target (.*)\n", Pattern.MULTILINE)
            .matcher(new String(bytes, ISO_8859_1));
    assertTrue(text.find());
    assertEquals("8.0", text.group(1));
    assertEquals("sm_80", text.group(2));
  }

  @Test
  void driversOfCuda12GetMachineCodeOfTheirOwnCompiler() throws IOException {
    byte[] bytes = bytes("adjoint-cuda12.fatbin");
    Assumptions.assumeTrue(
        System.getProperty("os.arch").equals("amd64"), "JCuda's natives are for x86-64");
    assertEquals(Set.of(80, 86, 89, 90), cubins(Fatbin.parse(bytes)));
    // The headers say so; what a driver reads is in the ELF files, which are not compressed.
    Set<Integer> architectures = new HashSet<>();
    for (ByteBuffer elf : elfs(bytes)) {
      architectures.add(elf.getInt(ELF_FLAGS) & 0xff);
    }
    assertEquals(Set.of(80, 86, 89, 90), architectures);
  }

  /** The ELF files in a fatbin that is not compressed. */
  private static List<ByteBuffer> elfs(byte[] bytes) {
    List<ByteBuffer> elfs = new ArrayList<>();
    ByteBuffer file = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    for (int at = 0; at < bytes.length - ELF_FLAGS; at += Long.BYTES) {
      if (file.getInt(at) == ELF_MAGIC) {
        elfs.add(file.slice(at, bytes.length - at).order(ByteOrder.LITTLE_ENDIAN));
      }
    }
    return elfs;
  }

  @Test
  void driversOfCuda12GetParametersThatTheFirstOfThemTakes() throws IOException {
    byte[] bytes = bytes("adjoint-cuda12.fatbin");
    long longest =
        Pattern.compile("\\.param \\.align 8 \\.b8 adj_\\w+\\[(\\d+)]")
            .matcher(new String(bytes, ISO_8859_1))
            .results()
            .mapToLong(parameter -> Long.parseLong(parameter.group(1)))
            .max()
            .orElseThrow();
    assertEquals(Driver.PARAMETER_BYTES, longest);
    Assumptions.assumeTrue(
        System.getProperty("os.arch").equals("amd64"), "JCuda's natives are for x86-64");
    for (ByteBuffer elf : elfs(bytes)) {
      // In front of the parameters lie what the driver tells every kernel.
      long before = (elf.getInt(ELF_FLAGS) & 0xff) < 90 ? 0x160 : 0x210;
      assertEquals(before + Driver.PARAMETER_BYTES, constantBytes(elf, "adj_adamw_f32"));
    }
  }

  /** The size of the bank of constants in which a kernel's parameters are. */
  private static long constantBytes(ByteBuffer elf, String kernel) {
    int sections = (int) elf.getLong(ELF_SECTIONS);
    int names = (int) elf.getLong(section(elf, sections, elf.getShort(ELF_NAMES)) + SECTION_AT);
    for (int i = 0; i < elf.getShort(ELF_SECTION_COUNT); i++) {
      int header = section(elf, sections, i);
      byte[] name = (".nv.constant0." + kernel + "\0").getBytes(ISO_8859_1);
      byte[] found = new byte[name.length];
      elf.get(names + elf.getInt(header), found);
      if (Arrays.equals(name, found)) {
        return elf.getLong(header + SECTION_SIZE);
      }
    }
    throw new AssertionError(kernel);
  }

  private static int section(ByteBuffer elf, int sections, int number) {
    return sections + number * elf.getShort(ELF_SECTION_BYTES);
  }

  @Test
  void kernelsOfEachFileAreThere() throws IOException {
    String ptx = new String(bytes("adjoint-cuda12.fatbin"), ISO_8859_1);
    for (String kernel :
        new String[] {
          "silu_f32", "layer_norm_grad_bf16", "attention_64_bf16", "attention_grad_q_128_f16"
        }) {
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
