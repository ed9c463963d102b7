package dev.adjoint.nativecpu;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * What has to be known of a shared library before it is loaded. The dynamic linker maps whatever
 * the headers promise; a file that was cut short would crash the JVM with SIGBUS.
 *
 * @param soname the name by which other libraries need this one; null if it has none
 */
record ElfFile(@Nullable String soname) {
  private static final int MAGIC = 0x464c457f;
  private static final int HEADER_BYTES = 64;

  // Offsets in the header of the file.
  private static final int MACHINE = 18;
  private static final int SECTION_HEADERS = 40;
  private static final int SECTION_HEADER_BYTES = 58;
  private static final int SECTIONS = 60;

  // Offsets in the header of a section, and the type of the one that the dynamic linker reads.
  private static final int TYPE = 4;
  private static final int OFFSET = 24;
  private static final int SIZE = 32;
  private static final int LINK = 40;
  private static final int SHT_DYNAMIC = 6;

  private static final int DYNAMIC_ENTRY_BYTES = 16;
  private static final long DT_SONAME = 14;

  /**
   * Checks that this is a whole file for this processor.
   *
   * @param place the file's name, for messages
   * @throws dev.adjoint.TensorException if it is not
   */
  static ElfFile parse(byte[] content, String place) {
    ByteBuffer file = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN);
    if (content.length < HEADER_BYTES || file.getInt(0) != MAGIC) {
      throw NativeLibrary.unusable("the library " + place + " is not an ELF file");
    }
    if (file.getShort(MACHINE) != Platform.elfMachine()) {
      throw NativeLibrary.unusable("the library " + place + " is for another processor");
    }
    // The table of section headers is the last thing in a file.
    long sections = file.getLong(SECTION_HEADERS);
    int entryBytes = Short.toUnsignedInt(file.getShort(SECTION_HEADER_BYTES));
    int entries = Short.toUnsignedInt(file.getShort(SECTIONS));
    long needed = sections + (long) entryBytes * entries;
    if (content.length < needed) {
      throw NativeLibrary.unusable(
          "the library " + place + " is cut short: " + content.length + " of " + needed + " bytes");
    }
    try {
      for (int i = 0; i < entries; i++) {
        int header = Math.toIntExact(sections + (long) i * entryBytes);
        if (file.getInt(header + TYPE) == SHT_DYNAMIC) {
          int strings = Math.toIntExact(sections + (long) file.getInt(header + LINK) * entryBytes);
          return new ElfFile(soname(file, header, file.getLong(strings + OFFSET)));
        }
      }
      return new ElfFile(null);
    } catch (IndexOutOfBoundsException | ArithmeticException e) {
      throw NativeLibrary.unusable("the library " + place + " is damaged", e);
    }
  }

  private static @Nullable String soname(ByteBuffer file, int dynamic, long strings) {
    long begin = file.getLong(dynamic + OFFSET);
    long end = begin + file.getLong(dynamic + SIZE);
    for (long at = begin; at < end; at += DYNAMIC_ENTRY_BYTES) {
      int entry = Math.toIntExact(at);
      if (file.getLong(entry) == DT_SONAME) {
        return text(file, Math.toIntExact(strings + file.getLong(entry + Long.BYTES)));
      }
    }
    return null;
  }

  private static String text(ByteBuffer file, int begin) {
    int length = 0;
    while (file.get(begin + length) != 0) {
      length++;
    }
    byte[] text = new byte[length];
    file.get(begin, text);
    return new String(text, StandardCharsets.US_ASCII);
  }
}
