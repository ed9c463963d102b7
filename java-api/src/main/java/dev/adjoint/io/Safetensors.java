package dev.adjoint.io;

import dev.adjoint.DType;
import dev.adjoint.Device;
import dev.adjoint.OutOfMemoryException;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import dev.adjoint.spi.Messages;
import dev.adjoint.host.HostAccess;
import dev.adjoint.io.CheckedFile.Checksum;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The safetensors format: eight bytes with the length of a JSON header, the header with each
 * tensor's type, shape and place, then the elements, little-endian and without gaps. A file is
 * believed in nothing: every number in it is checked before it is used.
 */
public final class Safetensors {
  private static final String OP = "safetensors";
  private static final String METADATA = "__metadata__";
  private static final long MAX_HEADER_BYTES = 100_000_000;

  /** Elements are written in pieces, so that their size is not bounded by a buffer's. */
  private static final long PIECE_BYTES = 1L << 28;

  private Safetensors() {}

  /**
   * What is in a file.
   *
   * @param tensors by name, in alphabetical order; born in the current scope
   * @param metadata free text
   */
  public record Contents(Map<String, Tensor> tensors, Map<String, String> metadata) {}

  /** Where a tensor's elements are, counted from the end of the header. */
  private record Entry(String name, DType dtype, Shape shape, long begin, long end) {}

  // ---- reading ----

  /**
   * Reads all tensors of a file onto a device.
   *
   * @throws TensorException if the file cannot be read, is damaged, or has a type that this library
   *     lacks
   */
  public static Contents read(Path file, Device device) {
    return read(file, device, null);
  }

  /**
   * The same, of a file whose checksum is known.
   *
   * @param expected null if it is not
   */
  static Contents read(Path file, Device device, @Nullable Checksum expected) {
    Map<String, Tensor> tensors = new TreeMap<>();
    boolean complete = false;
    try (CheckedFile source = CheckedFile.open(file)) {
      Map<String, String> metadata = new TreeMap<>();
      for (Entry entry : entries(source, metadata)) {
        tensors.put(
            entry.name(),
            HostAccess.of(
                entry.shape(), entry.dtype(), device, elements -> read(source, entry, elements)));
      }
      if (expected != null && !expected.equals(source.checksum())) {
        throw damaged("its checksum is not the one that was saved with it");
      }
      complete = true;
      return new Contents(tensors, metadata);
    } catch (IOException e) {
      throw DurableFiles.failed(OP, "read", file, e);
    } catch (OutOfMemoryException e) {
      throw e; // not the file's fault
    } catch (TensorException e) {
      throw new TensorException(OP + ": " + file + ": " + e.getMessage(), e);
    } finally {
      if (!complete) {
        tensors.values().forEach(Tensor::close);
      }
    }
  }

  private static void read(CheckedFile source, Entry entry, MemorySegment elements)
      throws IOException {
    source.read(elements);
    if (entry.dtype() == DType.BOOL) {
      checkBooleans(entry.name(), elements);
    }
  }

  /** Reads the header: the tensors in the order of their bytes, and the metadata. */
  private static List<Entry> entries(CheckedFile source, Map<String, String> metadata)
      throws IOException {
    if (source.size() < Long.BYTES) {
      throw damaged("it has " + source.size() + " bytes, fewer than the 8 of the header's length");
    }
    ByteBuffer start = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    source.read(MemorySegment.ofBuffer(start));
    long length = start.getLong(0);
    long available = source.size() - Long.BYTES;
    if (length < 0 || length > MAX_HEADER_BYTES || length > available) {
      throw damaged(
          "the header claims "
              + Long.toUnsignedString(length)
              + " bytes, "
              + (Long.compareUnsigned(length, available) > 0
                  ? available + " are there"
                  : MAX_HEADER_BYTES + " are allowed"));
    }
    List<Entry> entries = new ArrayList<>();
    header(source, (int) length)
        .forEach(
            (name, value) -> {
              Map<?, ?> fields = object("the entry of " + Messages.quoted(name), value);
              if (name.equals(METADATA)) {
                readMetadata(fields, metadata);
              } else {
                entries.add(entry(name, fields));
              }
            });
    checkCover(entries, available - length);
    return entries;
  }

  private static Map<String, @Nullable Object> header(CheckedFile source, int length)
      throws IOException {
    byte[] bytes;
    try {
      bytes = new byte[length];
    } catch (OutOfMemoryError e) {
      throw new TensorException(
          "the heap is too small for its header of " + length + " bytes; raise it with -Xmx", e);
    }
    source.read(MemorySegment.ofArray(bytes));
    if (length == 0 || bytes[0] != '{') {
      throw damaged("the header does not begin with {");
    }
    return object("the header", Json.parse(ByteBuffer.wrap(bytes)));
  }

  @SuppressWarnings("unchecked") // Json's objects have string keys
  private static Map<String, @Nullable Object> object(String what, @Nullable Object value) {
    if (!(value instanceof Map)) {
      throw damaged(what + " is not an object");
    }
    return (Map<String, @Nullable Object>) value;
  }

  private static void readMetadata(Map<?, ?> fields, Map<String, String> metadata) {
    fields.forEach(
        (key, value) -> {
          if (!(value instanceof String text)) {
            throw damaged("the metadata " + Json.described(key) + " is not a string");
          }
          metadata.put((String) key, text);
        });
  }

  private static Entry entry(String name, Map<?, ?> fields) {
    if (fields.size() != 3) {
      throw damaged(Messages.quoted(name) + " has other fields than dtype, shape and data_offsets");
    }
    DType dtype = dtype(name, fields.get("dtype"));
    Shape shape = Shape.of(counts(name, "shape", fields.get("shape")));
    long[] offsets = counts(name, "data_offsets", fields.get("data_offsets"));
    if (offsets.length != 2 || offsets[0] > offsets[1]) {
      throw damaged(Messages.quoted(name) + " has data_offsets that are no pair begin ≤ end");
    }
    long bytes = shape.numel() * dtype.bytes();
    if (bytes != offsets[1] - offsets[0]) {
      throw damaged(
          Messages.quoted(name)
              + ", "
              + dtype
              + " "
              + shape
              + ", needs "
              + bytes
              + " bytes, its data_offsets give "
              + (offsets[1] - offsets[0]));
    }
    return new Entry(name, dtype, shape, offsets[0], offsets[1]);
  }

  private static DType dtype(String name, @Nullable Object value) {
    for (DType dtype : DType.values()) {
      if (dtype.name().equals(value)) {
        return dtype;
      }
    }
    throw new TensorException(
        Messages.quoted(name)
            + " has the type "
            + Json.described(value)
            + "; supported are "
            + List.of(DType.values()));
  }

  private static long[] counts(String name, String field, @Nullable Object value) {
    if (value instanceof List<?> list
        && list.stream().allMatch(count -> count instanceof Long n && n >= 0)) {
      return list.stream().mapToLong(count -> (Long) count).toArray();
    }
    throw damaged(Messages.quoted(name) + " has a " + field + " that is no list of counts");
  }

  /** Every byte belongs to exactly one tensor. */
  private static void checkCover(List<Entry> entries, long size) {
    entries.sort(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end));
    long covered = 0;
    for (Entry entry : entries) {
      if (entry.begin() != covered || entry.end() > size) {
        throw damaged(
            Messages.quoted(entry.name())
                + " lies at bytes "
                + entry.begin()
                + " … "
                + entry.end()
                + (entry.end() > size
                    ? ", outside the " + size + " that are there"
                    : ", but the one before it ends at " + covered));
      }
      covered = entry.end();
    }
    if (covered != size) {
      throw damaged((size - covered) + " bytes at the end belong to no tensor");
    }
  }

  private static void checkBooleans(String name, MemorySegment elements) {
    for (long i = 0; i < elements.byteSize(); i++) {
      byte value = elements.get(ValueLayout.JAVA_BYTE, i);
      if (value != 0 && value != 1) {
        throw damaged(Messages.quoted(name) + " is BOOL but has the value " + value + " at " + i);
      }
    }
  }

  private static TensorException damaged(String what) {
    return new TensorException("damaged: " + what);
  }

  // ---- writing ----

  /**
   * Replaces a file: it is either written completely or stays as it was. The same tensors and
   * metadata always give the same bytes.
   *
   * @throws TensorException if a tensor is named {@code __metadata__}, or with the reason if the
   *     file cannot be written
   */
  public static void write(Path file, Map<String, Tensor> tensors, Map<String, String> metadata) {
    DurableFiles.replace(OP, file, content(tensors, metadata));
  }

  /** What {@link #write} writes. */
  static DurableFiles.Content content(Map<String, Tensor> tensors, Map<String, String> metadata) {
    // Wide types first, as the format's own writer does, so that all elements are aligned.
    Comparator<Map.Entry<String, Tensor>> order =
        Comparator.comparingInt(entry -> -entry.getValue().dtype().bytes());
    List<Map.Entry<String, Tensor>> sorted =
        tensors.entrySet().stream()
            .sorted(order.thenComparing(Map.Entry.comparingByKey()))
            .toList();
    byte[] header = header(sorted, metadata);
    return channel -> {
      ByteBuffer start = ByteBuffer.allocate(Long.BYTES + header.length);
      start.order(ByteOrder.LITTLE_ENDIAN).putLong(header.length).put(header).flip();
      DurableFiles.writeFully(channel, start);
      for (var entry : sorted) {
        writeElements(channel, entry.getValue());
      }
    };
  }

  private static byte[] header(
      List<Map.Entry<String, Tensor>> tensors, Map<String, String> metadata) {
    Map<String, Object> header = new LinkedHashMap<>();
    if (!metadata.isEmpty()) {
      header.put(METADATA, new TreeMap<>(metadata));
    }
    long begin = 0;
    for (var entry : tensors) {
      String name = entry.getKey();
      Tensor tensor = entry.getValue();
      if (name.equals(METADATA)) {
        throw new TensorException(OP + ": no tensor can be named " + METADATA);
      }
      long end = begin + tensor.numel() * tensor.dtype().bytes();
      Map<String, Object> fields = new LinkedHashMap<>();
      fields.put("dtype", tensor.dtype().name());
      fields.put("shape", sizes(tensor.shape()));
      fields.put("data_offsets", List.of(begin, end));
      header.put(name, fields);
      begin = end;
    }
    String text = Json.write(header);
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    int padding = -bytes.length & (Long.BYTES - 1);
    return padding == 0 ? bytes : (text + " ".repeat(padding)).getBytes(StandardCharsets.UTF_8);
  }

  private static List<Long> sizes(Shape shape) {
    List<Long> sizes = new ArrayList<>();
    for (long size : shape.toArray()) {
      sizes.add(size);
    }
    return sizes;
  }

  private static void writeElements(WritableByteChannel channel, Tensor tensor) throws IOException {
    long bytes = tensor.numel() * tensor.dtype().bytes();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment elements = arena.allocate(bytes, Long.BYTES);
      HostAccess.read(tensor, elements);
      for (long at = 0; at < bytes; at += PIECE_BYTES) {
        long piece = Math.min(PIECE_BYTES, bytes - at);
        DurableFiles.writeFully(channel, elements.asSlice(at, piece).asByteBuffer());
      }
    }
  }
}
