//! Threads of this crate that the layer must not record: whatever they say about a record would become the
//! next one.

use std::cell::Cell;
use std::marker::PhantomData;

thread_local! {
    static QUIET: Cell<u32> = const { Cell::new(0) };
}

/// While it lives, the layer records nothing of this thread.
#[derive(Debug)]
pub struct Quiet {
    /// It belongs to the thread that made it.
    _thread: PhantomData<*const ()>,
}

/// Keeps what this thread emits out of the log. For the threads that write and index it.
pub fn quiet() -> Quiet {
    let _ = QUIET.try_with(|quiet| quiet.set(quiet.get() + 1));
    Quiet { _thread: PhantomData }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        let _ = QUIET.try_with(|quiet| quiet.set(quiet.get().saturating_sub(1)));
    }
}

/// Whether the layer leaves out what this thread emits.
#[inline]
pub fn is_quiet() -> bool {
    QUIET.try_with(Cell::get).is_ok_and(|quiet| quiet > 0)
}
