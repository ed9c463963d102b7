package dev.adjoint.internal;

import java.lang.ref.PhantomReference;
import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Closes what users drop without closing it, once the collector has found it: tensors outside all
 * scopes, and scopes.
 *
 * <p>There is no thread for it, unlike in a {@link java.lang.ref.Cleaner}: whoever next needs
 * memory, or asks how much is in use, does what has come up. So threads that make tensors cannot
 * outrun the closing of those that they drop. And no thread keeps this library's class loader
 * alive.
 */
public final class Dropped {
  private static final ReferenceQueue<Object> FOUND = new ReferenceQueue<>();

  /**
   * So many new registrations, with their tensors and graphs about a quarter of the Java heap, make
   * a collection due.
   */
  private static final long DUE_AFTER =
      Math.max(1 << 14, Runtime.getRuntime().maxMemory() / 4 / 1024);

  private static final ReentrantLock LOCK = new ReentrantLock();
  private static @Nullable Registration first;
  private static long registered;
  private static long registeredAtLastCollection;

  private Dropped() {}

  /** What has to be done when an object is dropped; held until then, or until it is cancelled. */
  public static final class Registration extends PhantomReference<Object> {
    private final Runnable close;
    private @Nullable Registration previous;
    private @Nullable Registration next;
    private boolean listed = true;

    private Registration(Object object, Runnable close) {
      super(object, FOUND);
      this.close = close;
    }

    /** Forgets it, since the object was closed. */
    public void cancel() {
      LOCK.lock();
      try {
        unlist();
      } finally {
        LOCK.unlock();
      }
      clear();
    }

    private boolean unlist() {
      if (!listed) {
        return false;
      }
      listed = false;
      if (previous != null) {
        previous.next = next;
      } else {
        first = next;
      }
      if (next != null) {
        next.previous = previous;
      }
      previous = null;
      next = null;
      registered--;
      registeredAtLastCollection = Math.min(registeredAtLastCollection, registered);
      return true;
    }
  }

  /**
   * Runs {@code close} when {@code object} is dropped. Collects at once if too much has been
   * registered since the last time, because the collector sees only small objects.
   *
   * @param close must not hold the object
   */
  public static Registration register(Object object, Runnable close) {
    Registration registration = new Registration(object, close);
    boolean due;
    LOCK.lock();
    try {
      registration.next = first;
      if (first != null) {
        first.previous = registration;
      }
      first = registration;
      registered++;
      due = registered - registeredAtLastCollection > DUE_AFTER;
      if (due) {
        registeredAtLastCollection = registered;
      }
    } finally {
      LOCK.unlock();
    }
    if (due) {
      collect(1);
    }
    return registration;
  }

  /** Closes what the collector has found so far. */
  public static void closeFound() {
    for (Reference<?> found = FOUND.poll(); found != null; found = FOUND.poll()) {
      Registration registration = (Registration) found;
      boolean wanted;
      LOCK.lock();
      try {
        wanted = registration.unlist();
      } finally {
        LOCK.unlock();
      }
      if (wanted) {
        registration.close.run();
      }
    }
  }

  /**
   * Asks for a collection and closes what it finds.
   *
   * @param waitMillis how long the JVM may take to hand over what it found
   * @return whether Java collected; it does not under {@code -XX:+DisableExplicitGC}
   */
  static boolean collect(long waitMillis) {
    WeakReference<Object> probe = new WeakReference<>(new Object());
    System.gc();
    boolean interrupted = false;
    try {
      Thread.sleep(waitMillis);
    } catch (InterruptedException e) {
      interrupted = true;
    }
    closeFound();
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    return probe.refersTo(null);
  }
}
