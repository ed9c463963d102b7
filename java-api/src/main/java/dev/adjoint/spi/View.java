package dev.adjoint.spi;

import dev.adjoint.DType;

/**
 * All that a backend ever sees of a tensor: memory, where each element lies in it, and the type.
 *
 * @param memory the block that holds the elements
 * @param layout sizes, strides and offset, in elements
 * @param dtype the element type
 */
public record View(Memory memory, Layout layout, DType dtype) {
  /** The address of the element with all indices 0. */
  public long address() {
    return memory.address() + layout.offset() * dtype.bytes();
  }

  /** The number of elements. */
  public long numel() {
    return layout.numel();
  }

  /** The same memory with another layout. */
  public View with(Layout other) {
    return new View(memory, other, dtype);
  }
}
