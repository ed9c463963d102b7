package dev.adjoint.graph;

import dev.adjoint.DType;
import dev.adjoint.TensorException;
import dev.adjoint.internal.Storage;
import dev.adjoint.internal.TensorState;
import dev.adjoint.spi.Layout;

/**
 * A value kept for the backward pass: storage, layout and version, never a tensor.
 *
 * @param source which input it is, or {@link #OUTPUT} less the number of a result, or {@link
 *     #CONSTANT}
 */
record SavedValue(Storage storage, Layout layout, DType dtype, int version, int source) {
  static final int CONSTANT = -1;
  static final int OUTPUT = -2;

  static SavedValue of(TensorState state, int source) {
    state.pin(); // this hold becomes the saved value's
    return new SavedValue(
        state.storage(),
        state.view().layout(),
        state.view().dtype(),
        state.storage().version(),
        source);
  }

  void checkFresh(String op) {
    if (storage.version() != version) {
      throw new TensorException(
          op
              + ": a value of shape "
              + layout.shape()
              + " that backward needs was changed in place after it was used (version "
              + storage.version()
              + ", saved at "
              + version
              + "); change a copy instead");
    }
  }
}
