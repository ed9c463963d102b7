/** Files: safetensors and checkpoints. */
@NullMarked
package dev.adjoint.io;

import org.jspecify.annotations.NullMarked;
