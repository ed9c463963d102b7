package dev.adjoint.io;

import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.DType;
import dev.adjoint.Device;
import dev.adjoint.Reference;
import dev.adjoint.Scope;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@ExtendWith(Reference.class)
class SafetensorsTest {
  @TempDir Path folder;

  private Path file() {
    return folder.resolve("x.safetensors");
  }

  private static Map<String, Tensor> samples() {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    tensors.put("bool", Tensor.of(new boolean[] {true, false, true}));
    tensors.put("scalar", Tensor.of(1.5f));
    tensors.put("view", Tensor.of(new float[][] {{1, 2, 3}, {4, 5, 6}}).t());
    tensors.put("double", Tensor.of(new double[] {Math.PI, Double.NEGATIVE_INFINITY}));
    tensors.put("empty", Tensor.zeros(0, 4));
    tensors.put("long", Tensor.of(new long[] {Long.MIN_VALUE}));
    tensors.put("brain", Tensor.of(new float[] {1.5f, -0.1f, 3e38f}).to(DType.BF16));
    tensors.put("half", Tensor.of(new float[] {1.5f, -0.1f, 7e-8f}).to(DType.F16));
    tensors.put("int", Tensor.of(new int[] {-7, 7}));
    tensors.put("ünïcode \"\n", Tensor.of(2f));
    return tensors;
  }

  @Test
  void readsWhatItWrites() {
    Map<String, Tensor> written = samples();
    Map<String, String> metadata = Map.of("format", "pt", "b", "\u0000ä");
    Safetensors.write(file(), written, metadata);
    Safetensors.Contents read = Safetensors.read(file(), Device.REFERENCE);
    assertEquals(metadata, read.metadata());
    assertEquals(written.keySet(), read.tensors().keySet());
    written.forEach(
        (name, tensor) -> {
          Tensor other = requireNonNull(read.tensors().get(name));
          assertEquals(tensor.shape(), other.shape());
          assertEquals(tensor.dtype(), other.dtype());
          assertArrayEquals(tensor.toDoubleArray(), other.toDoubleArray());
        });
  }

  @Test
  void theSameTensorsGiveTheSameBytes() throws IOException {
    Safetensors.write(file(), samples(), Map.of("a", "1", "b", "2"));
    byte[] first = Files.readAllBytes(file());
    Map<String, Tensor> reversed = new LinkedHashMap<>();
    List.copyOf(samples().entrySet())
        .reversed()
        .forEach(entry -> reversed.put(entry.getKey(), entry.getValue()));
    Safetensors.write(file(), reversed, Map.of("b", "2", "a", "1"));
    assertArrayEquals(first, Files.readAllBytes(file()));
  }

  @Test
  void theBytesAreThoseOfTheFormat() throws IOException {
    Safetensors.write(file(), Map.of("w", Tensor.of(new int[] {1, 2})), Map.of());
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file())).order(ByteOrder.LITTLE_ENDIAN);
    byte[] header = new byte[(int) bytes.getLong()];
    bytes.get(header);
    assertEquals(
        "{\"w\":{\"dtype\":\"I32\",\"shape\":[2],\"data_offsets\":[0,8]}}",
        new String(header, StandardCharsets.UTF_8).strip());
    assertEquals(0, header.length % 8);
    assertEquals(1, bytes.getInt());
    assertEquals(2, bytes.getInt());
    assertFalse(bytes.hasRemaining());
  }

  @Test
  void nothingAtAllIsAFileToo() {
    Safetensors.write(file(), Map.of(), Map.of());
    assertTrue(Safetensors.read(file(), Device.REFERENCE).tensors().isEmpty());
  }

  /** A file with a header of ours and zeros behind it. */
  private void write(String header, int dataBytes) throws IOException {
    byte[] text = header.getBytes(StandardCharsets.UTF_8);
    ByteBuffer bytes = ByteBuffer.allocate(8 + text.length + dataBytes);
    bytes.order(ByteOrder.LITTLE_ENDIAN).putLong(text.length).put(text);
    Files.write(file(), bytes.array());
  }

  private String refusal() {
    return assertThrows(TensorException.class, () -> Safetensors.read(file(), Device.REFERENCE))
        .toString();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "8  | {'w':{'dtype':'F32','shape':[2],'data_offsets':[0,8]}} | ",
        "4  | {'w':{'dtype':'F32','shape':[2],'data_offsets':[0,8]}} | outside the 4",
        "9  | {'w':{'dtype':'F32','shape':[2],'data_offsets':[0,8]}} | belong to no tensor",
        "8  | {'w':{'dtype':'F32','shape':[3],'data_offsets':[0,8]}} | needs 12 bytes",
        "8  | {'w':{'dtype':'F32','shape':[2],'data_offsets':[8,0]}} | no pair begin ≤ end",
        "8  | {'w':{'dtype':'F32','shape':[2],'data_offsets':[0]}} | no pair begin ≤ end",
        "8  | {'w':{'dtype':'F32','shape':[2],'data_offsets':[-8,0]}} | no list of counts",
        "8  | {'w':{'dtype':'F32','shape':[-2],'data_offsets':[0,8]}} | no list of counts",
        "8  | {'w':{'dtype':'F32','shape':[2.0],'data_offsets':[0,8]}} | no list of counts",
        "8  | {'w':{'dtype':'F32','shape':2,'data_offsets':[0,8]}} | no list of counts",
        "8  | {'w':{'dtype':'F8_E4M3','shape':[8],'data_offsets':[0,8]}} | has the type 'F8_E4M3'",
        "8  | {'w':{'dtype':7,'shape':[2],'data_offsets':[0,8]}} | has the type 7",
        "8  | {'w':{'dtype':'F32','shape':[2]}} | has other fields",
        "8  | {'w':{'dtype':'F32','shape':[2],'data_offsets':[0,8],'x':1}} | has other fields",
        "8  | {'w':[0,8]} | is not an object",
        "0  | {'w':{'dtype':'F32','shape':[4611686018427387904,4],'data_offsets':[0,0]}} | 2^56 elements",
        "0  | {'w':{'dtype':'F64','shape':[2305843009213693952],'data_offsets':[0,0]}} | 2^56 elements",
        "0  | {'__metadata__':{'a':1}} | is not a string",
        "0  | {'__metadata__':'a'} | is not an object",
        "0  | [] | does not begin with {",
        "0  | ' {}' | does not begin with {",
        "0  | {} x | more text after the value",
        "0  | {'a' | the text ends too early",
        "16 | {'a':{'dtype':'I64','shape':[1],'data_offsets':[0,8]},"
            + "'a':{'dtype':'I64','shape':[1],'data_offsets':[8,16]}} | appears twice",
        "12 | {'a':{'dtype':'I64','shape':[1],'data_offsets':[0,8]},"
            + "'b':{'dtype':'I64','shape':[1],'data_offsets':[4,12]}} | the one before it ends at 8",
        "24 | {'a':{'dtype':'I64','shape':[1],'data_offsets':[0,8]},"
            + "'b':{'dtype':'I64','shape':[1],'data_offsets':[16,24]}} | the one before it ends at 8",
      })
  void lyingHeadersAreRefused(int dataBytes, String header, String message) throws IOException {
    write(header.replace('\'', '"'), dataBytes);
    if (message == null) { // the honest one, which the others are changed from
      assertEquals(
          Shape.of(2),
          requireNonNull(Safetensors.read(file(), Device.REFERENCE).tensors().get("w")).shape());
    } else {
      String refusal = refusal();
      assertTrue(refusal.contains(message), refusal);
    }
  }

  /** What comes from a file is shown in part and in one line, however large it is. */
  @Test
  void messagesAreBounded() throws IOException {
    String entry = "\"%s\":{\"dtype\":\"F32\",\"shape\":[%s],\"data_offsets\":[0,0]}";
    for (String header :
        List.of(
            "{" + entry.formatted("x".repeat(100_000) + "\\u001b", "1") + "}",
            "{" + entry.formatted("x", "1," + "1,".repeat(100_000) + "1") + "}",
            "{" + entry.formatted("x", "\"" + "y".repeat(100_000) + "\"") + "}",
            "{\"__metadata__\":{\"" + "k".repeat(100_000) + "\":1}}",
            "{\"x\":" + "[".repeat(100_000))) {
      write(header, 0);
      String refusal = refusal();
      assertTrue(refusal.length() < 500, refusal);
      assertTrue(refusal.chars().allMatch(c -> c >= ' '), refusal);
    }
  }

  @Test
  void everyTruncationIsRefused() throws IOException {
    Safetensors.write(file(), samples(), Map.of("format", "pt"));
    byte[] whole = Files.readAllBytes(file());
    for (int length = 0; length < whole.length; length++) {
      Files.write(file(), Arrays.copyOf(whole, length));
      refusal();
    }
  }

  /** Whatever a damaged byte turns into: a refusal or other contents, nothing else. */
  @Test
  void damagedBytesDoNoHarm() throws IOException {
    Safetensors.write(file(), samples(), Map.of("format", "pt"));
    byte[] whole = Files.readAllBytes(file());
    Random random = new Random(1);
    int refusals = 0;
    for (int at = 0; at < whole.length; at++) {
      byte[] damaged = whole.clone();
      damaged[at] = (byte) random.nextInt();
      Files.write(file(), damaged);
      try (var _ = Scope.open()) {
        Safetensors.read(file(), Device.REFERENCE);
      } catch (TensorException e) {
        refusals++;
      }
    }
    assertTrue(refusals > whole.length / 2);
  }

  @Test
  void headerLengthsAreRefusedBeforeTheyAreBelieved() throws IOException {
    for (long length : new long[] {-1, Long.MIN_VALUE, 9, 100_000_001, Long.MAX_VALUE}) {
      ByteBuffer bytes = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN);
      Files.write(
          file(), bytes.putLong(length).put("{}      ".getBytes(StandardCharsets.UTF_8)).array());
      assertTrue(refusal().contains("the header claims " + Long.toUnsignedString(length)));
    }
  }

  @Test
  void wrongBytesAreRefused() throws IOException {
    write("{'w':{'dtype':'BOOL','shape':[1],'data_offsets':[0,1]}}".replace('\'', '"'), 1);
    byte[] bytes = Files.readAllBytes(file());
    bytes[bytes.length - 1] = 2;
    Files.write(file(), bytes);
    assertTrue(refusal().contains("is BOOL but has the value 2"));
    Files.write(file(), new byte[] {2, 0, 0, 0, 0, 0, 0, 0, '{', (byte) 0xff});
    assertTrue(refusal().contains("not UTF-8"));
  }

  @Test
  void filesThatCannotBeReadAreNamed() {
    assertTrue(refusal().endsWith("x.safetensors: there is no such file or folder"));
    assertThrows(TensorException.class, () -> Safetensors.read(folder, Device.REFERENCE));
  }

  @Test
  void aFailedWriteLeavesTheOldFileAndNoOther() throws IOException {
    Safetensors.write(file(), Map.of("w", Tensor.of(1f)), Map.of());
    byte[] before = Files.readAllBytes(file());
    Tensor closed = Tensor.of(2f);
    closed.close();
    assertThrows(
        TensorException.class, () -> Safetensors.write(file(), Map.of("w", closed), Map.of()));
    assertArrayEquals(before, Files.readAllBytes(file()));
    try (var files = Files.list(folder)) {
      assertEquals(1, files.count());
    }
    Path nowhere = folder.resolve("nowhere").resolve("x.safetensors");
    assertThrows(TensorException.class, () -> Safetensors.write(nowhere, Map.of(), Map.of()));
    Map<String, Tensor> reserved =
        Map.of("__metadata__", Tensor.full(Shape.of(1), 0, DType.F32, Device.REFERENCE));
    assertThrows(TensorException.class, () -> Safetensors.write(file(), reserved, Map.of()));
  }
}
