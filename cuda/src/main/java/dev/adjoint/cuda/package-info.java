/**
 * The CUDA backend: JCuda owns the device; what is called once for each operation goes through the
 * Foreign Function and Memory API.
 */
@NullMarked
package dev.adjoint.cuda;

import org.jspecify.annotations.NullMarked;
