//! What the lock is made of. The models of the lock (`tests/lock_models.rs`) are compiled from the same source with a
//! module of the same shape in this one's place, whose parts try out every order that the memory model allows.

pub(crate) use parking_lot::{Condvar, Mutex};
pub(crate) use std::hint::spin_loop;
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize};
pub(crate) use std::thread::yield_now;

/// Most threads that can be seated at once.
pub(crate) const SEATS: usize = 256;

/// Looks at a held lock before its thread goes to sleep.
pub(crate) const SPINS_BEFORE_SLEEP: u32 = 64;

/// Looks at a reader's slot before [`try_lock`](crate::lock::ShardLock::try_lock) gives up.
pub(crate) const SPINS_FOR_READERS: u32 = 64;

/// Stands behind a sequentially consistent access that another one, to other memory, must not overtake. Such accesses are
/// in one order for all threads, so there is nothing left to do; the models only know fences of that strength.
#[inline(always)]
pub(crate) fn in_one_order() {}

/// Memory that is shared by a protocol of its own.
#[derive(Debug)]
pub(crate) struct Shared<T>(std::cell::UnsafeCell<T>);

impl<T> Shared<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(std::cell::UnsafeCell::new(value))
    }

    /// A pointer for reading.
    #[inline(always)]
    pub(crate) fn get(&self) -> Reading<T> {
        Reading(self.0.get())
    }

    /// A pointer for changing.
    #[inline(always)]
    pub(crate) fn get_mut(&self) -> Writing<T> {
        Writing(self.0.get())
    }
}

/// Held for as long as the value is read: the models see that nobody changes it meanwhile.
#[derive(Debug)]
pub(crate) struct Reading<T>(*const T);

impl<T> Reading<T> {
    #[inline(always)]
    pub(crate) fn with<R>(&self, use_it: impl FnOnce(*const T) -> R) -> R {
        use_it(self.0)
    }
}

/// Held for as long as the value is changed: the models see that nobody else uses it meanwhile.
#[derive(Debug)]
pub(crate) struct Writing<T>(*mut T);

impl<T> Writing<T> {
    #[inline(always)]
    pub(crate) fn with<R>(&self, use_it: impl FnOnce(*mut T) -> R) -> R {
        use_it(self.0)
    }
}
