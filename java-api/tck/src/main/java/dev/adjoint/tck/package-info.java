/**
 * What every backend is held to: the catalog of operations and the contract that sweeps it. Beside
 * that what the tests and the programs of this project have in common.
 */
@NullMarked
package dev.adjoint.tck;

import org.jspecify.annotations.NullMarked;
