package dev.adjoint.spi;

import dev.adjoint.Precision;
import org.jspecify.annotations.Nullable;

/**
 * {@code out = alpha · a × b + beta · out + bias}: a is […, M, K], b […, K, N], out […, M, N], with
 * equal batch dimensions (broadcast by stride 0). Transposes are strides. F32 or F64. With beta = 0
 * the old contents of out are never read.
 *
 * @param a the left factor
 * @param b the right factor
 * @param out the result; its rows are dense (last stride 1), its elements distinct
 * @param bias contiguous [N], added to each row once, or null
 * @param precision for BF16 (only if all is F32) each element of a and b counts as the bfloat16
 *     nearest to it, subnormal ones as that or as 0
 */
public record Gemm(
    View a,
    View b,
    View out,
    @Nullable View bias,
    double alpha,
    double beta,
    Precision precision) {}
