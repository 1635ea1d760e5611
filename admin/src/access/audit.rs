//! Audit records of operator actions. They always have this form, so that a search for `action:*`
//! finds all of them, and the target `audit`, whose records are fsynced at once.

/// Writes an audit record: the name of the action, the operator, further fields in braces, and a
/// message. For the handlers of [`Admin::page`](crate::Admin::page), too; the caller needs the crate
/// `tracing`.
///
/// ```
/// let (by, order) = ("octavia", 7);
/// admin::audit!("order.cancel", by, { order.id = order }, "order {order} canceled");
/// ```
#[macro_export]
macro_rules! audit {
    ($action:expr, $by:expr, { $($fields:tt)* }, $($sentence:tt)+) => {
        ::tracing::info!(
            target: "audit",
            { event.action = $action, user.name = $by, $($fields)* },
            $($sentence)+
        )
    };
}
pub(crate) use audit;
