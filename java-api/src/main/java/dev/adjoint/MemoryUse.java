package dev.adjoint;

/**
 * Memory of one device, in bytes.
 *
 * @param liveBytes held by tensors, graphs and captured steps, which keep the memory of their
 *     intermediate results for the next replay
 * @param liveStorages how many blocks tensors and graphs hold
 * @param cachedBytes free blocks kept for the next allocation
 * @param peakBytes the largest {@code liveBytes} so far
 * @param budget how much live and cached memory may become together; variants of the CPU share one
 */
public record MemoryUse(
    long liveBytes, long liveStorages, long cachedBytes, long peakBytes, long budget) {}
