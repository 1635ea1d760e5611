//! Panics as records.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::{self, PanicHookInfo};

use crate::fields;

/// Emits an event of level ERROR for each panic from now on, and then calls the hook that was there. This
/// is the one thing that is global for the process; call it once, and only from a program.
pub fn chain_panic_hook() {
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        emit(panic);
        previous(panic);
    }));
}

fn emit(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(|place| format!("{}:{}", place.file(), place.line()));
    let thread = std::thread::current();
    let backtrace = Backtrace::capture();
    let captured = backtrace.status() == BacktraceStatus::Captured;
    let backtrace = captured.then(|| backtrace.to_string());
    // The names are those of `fields`; the macro takes no constants.
    debug_assert_eq!(fields::CALLSITE, "code.callsite");
    tracing::error!(
        target: "panic",
        { code.callsite = place, error.message = message(panic), error.type = "panic",
          error.stack_trace = backtrace, thread.name = thread.name() },
        "thread panicked"
    );
}

fn message<'a>(panic: &'a PanicHookInfo<'_>) -> &'a str {
    panic.payload_as_str().unwrap_or("a non-text value")
}
