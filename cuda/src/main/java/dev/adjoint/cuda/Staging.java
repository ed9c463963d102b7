package dev.adjoint.cuda;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.locks.ReentrantLock;
import jcuda.driver.CUevent_flags;
import jcuda.driver.JCudaDriver;

/**
 * Page-locked memory through which copies pass, in two rings: only from there can the device read
 * and write by itself while Java goes on. A slot of the upload ring is filled by one copy after
 * another and waited for when its turn comes again.
 */
@SuppressWarnings("restricted") // the memory is exactly that long
final class Staging {
  private static final long SLOT_BYTES = 4L << 20;
  private static final int UPLOAD_SLOTS = 4;
  private static final int DOWNLOAD_SLOTS = 2;

  /** Copies start at multiples of this, so that none is slow. */
  private static final long ALIGNMENT = 64;

  private final CudaDevice device;
  private final Driver driver;
  private final long stream;

  private final ReentrantLock uploading = new ReentrantLock();
  private final Slot[] uploads = new Slot[UPLOAD_SLOTS];
  private int turn;
  private long used;

  private final ReentrantLock downloading = new ReentrantLock();
  private final Slot[] downloads = new Slot[DOWNLOAD_SLOTS];
  private final MemorySegment errorWord;

  /** Memory and what tells that the stream is done with it. */
  private final class Slot {
    final MemorySegment memory;
    private final Handles.Event event = new Handles.Event();

    Slot(long bytes) {
      Handles.HostPointer pointer = new Handles.HostPointer();
      CudaErrors.check(
          JCudaDriver.cuMemHostAlloc(pointer, bytes, 0), "allocating page-locked memory");
      memory = MemorySegment.ofAddress(pointer.address()).reinterpret(bytes);
      CudaErrors.check(
          JCudaDriver.cuEventCreate(event, CUevent_flags.CU_EVENT_DISABLE_TIMING),
          "creating an event");
    }

    void mark() {
      CudaErrors.check(driver.recordEvent(event.address(), stream), "recording an event");
    }

    /** Waits for the last mark; there need not be one. */
    void await(String what) {
      device.check(driver.synchronizeEvent(event.address()), what);
    }
  }

  /** Takes the memory; the device's context is current. */
  Staging(CudaDevice device, Driver driver, long stream) {
    this.device = device;
    this.driver = driver;
    this.stream = stream;
    for (int i = 0; i < uploads.length; i++) {
      uploads[i] = new Slot(SLOT_BYTES);
    }
    for (int i = 0; i < downloads.length; i++) {
      downloads[i] = new Slot(SLOT_BYTES);
    }
    errorWord = new Slot(Long.BYTES).memory;
  }

  /** Enqueues a copy of {@code source}, which may be changed as soon as this returns. */
  void upload(MemorySegment source, long target, long bytes) {
    uploading.lock();
    try {
      device.makeCurrent();
      for (long done = 0; done < bytes; ) {
        if (used == SLOT_BYTES) {
          uploads[turn].mark();
          turn = (turn + 1) % UPLOAD_SLOTS;
          uploads[turn].await("uploading");
          used = 0;
        }
        long part = Math.min(bytes - done, SLOT_BYTES - used);
        MemorySegment memory = uploads[turn].memory;
        MemorySegment.copy(source, done, memory, used, part);
        device.check(
            driver.copyToDevice(target + done, memory.address() + used, part, stream), "uploading");
        done += part;
        used = Math.min(SLOT_BYTES, (used + part + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
      }
    } finally {
      uploading.unlock();
    }
  }

  /**
   * Waits for the stream, copies {@code bytes} to {@code target}, and the error word.
   *
   * @return the error word
   */
  long download(long source, MemorySegment target, long bytes, long errorWordAddress) {
    downloading.lock();
    try {
      device.makeCurrent();
      device.check(
          driver.copyToHost(errorWord.address(), errorWordAddress, Long.BYTES, stream),
          "downloading");
      long parts = (bytes + SLOT_BYTES - 1) / SLOT_BYTES;
      for (long part = 0; part < parts; part++) {
        fetch(source, bytes, part);
        if (part > 0) {
          deliver(target, bytes, part - 1);
        }
      }
      if (parts > 0) {
        deliver(target, bytes, parts - 1);
      } else {
        device.check(driver.synchronizeStream(stream), "waiting for the device");
      }
      return errorWord.get(JAVA_LONG, 0);
    } finally {
      downloading.unlock();
    }
  }

  private void fetch(long source, long bytes, long part) {
    Slot slot = downloads[(int) (part % DOWNLOAD_SLOTS)];
    long at = part * SLOT_BYTES;
    long size = Math.min(SLOT_BYTES, bytes - at);
    device.check(
        driver.copyToHost(slot.memory.address(), source + at, size, stream), "downloading");
    slot.mark();
  }

  private void deliver(MemorySegment target, long bytes, long part) {
    Slot slot = downloads[(int) (part % DOWNLOAD_SLOTS)];
    long at = part * SLOT_BYTES;
    slot.await("downloading");
    MemorySegment.copy(slot.memory, 0, target, at, Math.min(SLOT_BYTES, bytes - at));
  }
}
