use proptest::prelude::*;

use super::*;

const SECOND: i64 = 1_000_000;

fn told(started: i64, ended: Option<i64>, received: i64) -> Event {
    Event::Notified(Alert {
        rule: "R".to_owned(),
        fingerprint: "f".to_owned(),
        started: started * SECOND,
        ended: ended.map(|ended| ended * SECOND),
        last_received: received * SECOND,
        ..Alert::default()
    })
}

fn spans(history: &History) -> Vec<(i64, Option<i64>)> {
    let of = history.of("f").iter();
    of.map(|alert| (alert.started / SECOND, alert.ended.map(|end| end / SECOND))).collect()
}

fn history(events: impl IntoIterator<Item = Event>) -> History {
    let mut history = History::default();
    for event in events {
        history.add(event);
    }
    history
}

#[test]
fn an_end_under_any_start_ends_what_is_open() {
    for end in [told(10, Some(20), 21), told(20, Some(20), 21)] {
        let firing = || [told(10, None, 11), told(10, None, 15)];
        assert_eq!(spans(&history(firing().into_iter().chain([end.clone()]))), [(10, Some(20))]);
        let late = [end.clone(), told(10, None, 30), end];
        assert_eq!(spans(&history(late)), [(10, Some(20))]);
    }
}

#[test]
fn a_lost_end_is_the_next_start_and_a_lost_start_is_known_from_its_end() {
    let history_ = history([told(10, None, 11), told(30, None, 31)]);
    assert_eq!(spans(&history_), [(10, Some(30)), (30, None)]);
    let history_ = history([told(10, None, 11), told(30, None, 31), told(40, Some(40), 41)]);
    assert_eq!(spans(&history_), [(10, Some(30)), (30, Some(40))]);
    let history_ = history([told(40, Some(40), 41)]);
    assert_eq!(spans(&history_), [(40, Some(40))]);
    assert!(history_.of("f")[0].from_end);
    let history_ = history([told(40, Some(40), 41), told(10, None, 60)]);
    assert_eq!(spans(&history_), [(10, Some(40))]);
    assert!(!history_.of("f")[0].from_end);
}

/// An end that was stored with an alert that began earlier is that of a later one when an earlier end comes.
#[test]
fn an_end_is_not_lost_with_the_start_it_was_taken_for() {
    let mut history = history([told(10, None, 11), told(40, Some(40), 41)]);
    let rows = history.of("f").to_vec();
    history.stored("f", rows, 2);
    history.add(told(20, Some(20), 42));
    history.add(told(30, None, 43));
    history.add(told(50, None, 51));
    assert_eq!(spans(&history), [(10, Some(20)), (30, Some(40)), (50, None)]);
}

#[test]
fn rows_that_two_replicas_wrote_side_by_side_are_noticed() {
    let row = |event| history([event]).of("f").to_vec();
    let (start, end) = (row(told(10, None, 11)), row(told(20, Some(20), 21)));
    let mut history = History::default();
    history.refresh([start, end].concat(), true);
    assert_eq!(spans(&history), [(10, Some(20))]);
    assert_eq!(history.untidy(9), ["f"]);
    let rows = history.of("f").to_vec();
    history.refresh(rows, true);
    assert!(history.untidy(9).is_empty());
}

#[test]
fn what_the_sender_lists_as_firing_fires_again() {
    let mut history = history([told(10, None, 11), told(10, Some(20), 21)]);
    let Event::Notified(alert) = told(10, None, 30) else { unreachable!() };
    history.add(Event::Listed(alert.clone(), 30 * SECOND));
    assert_eq!(spans(&history), [(10, None)]);
    // A list that was asked for before the end says nothing about it.
    history.add(told(10, Some(40), 41));
    history.add(Event::Listed(alert, 39 * SECOND));
    assert_eq!(spans(&history), [(10, Some(40))]);
}

#[test]
fn an_acknowledgement_stays_with_its_alert() {
    let mut history = history([told(10, None, 11)]);
    let by = Acknowledgement { by: "olga".to_owned(), at: 12, note: "on it".to_owned() };
    history.add(Event::Acknowledged("f".to_owned(), 10 * SECOND, by.clone()));
    history.add(told(20, Some(20), 21));
    history.add(told(30, None, 31));
    let acknowledged: Vec<_> = history.of("f").iter().map(|a| a.acknowledged.clone()).collect();
    assert_eq!(acknowledged, [Some(by), None]);
}

/// Firings of a rule, as they really were: disjoint, the last perhaps without an end.
fn truth() -> impl Strategy<Value = Vec<(i64, Option<i64>)>> {
    (prop::collection::vec((1..500_i64, 1..500_i64), 1..6), any::<bool>()).prop_map(
        |(spans, is_open)| {
            let mut at = 1_000;
            let mut truth: Vec<_> = spans
                .into_iter()
                .map(|(gap, length)| {
                    let start = at + gap;
                    at = start + length;
                    (start, Some(at))
                })
                .collect();
            if is_open && let Some((_, end)) = truth.last_mut() {
                *end = None;
            }
            truth
        },
    )
}

/// What the senders say of it.
fn said(truth: &[(i64, Option<i64>)], is_grafana: bool) -> Vec<Event> {
    let mut events = Vec::new();
    for (start, end) in truth {
        events.push(told(*start, None, start + 1));
        if let Some(end) = end {
            let start = if is_grafana { *end } else { *start };
            events.push(told(start, Some(*end), end + 1));
        }
    }
    events
}

proptest! {
    /// Any order, any repetition: the same alerts with the right starts and ends.
    #[test]
    fn order_and_repetition_change_nothing(
        truth in truth(),
        is_grafana in any::<bool>(),
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
        restarts in prop::collection::vec(any::<bool>(), 0..60),
    ) {
        let said = said(&truth, is_grafana);
        let mut events: Vec<Event> = order.iter().map(|at| at.get(&said).clone()).collect();
        for event in said {
            let at = events.len() / 2;
            events.insert(at, event);
        }
        let mut history = History::default();
        for (at, event) in events.into_iter().enumerate() {
            let number = history.add(event);
            // In between, the database takes what there is, and memory starts anew from it.
            if restarts.get(at).copied().unwrap_or(false) {
                let rows = history.of("f").to_vec();
                history.stored("f", rows.clone(), number);
                let mut next = History::default();
                next.refresh(rows, true);
                history = next;
            }
        }
        prop_assert_eq!(spans(&history), truth);
    }

    /// Whatever is lost, nothing is open that has an end or a successor, and no span is inverted.
    #[test]
    fn of_a_fingerprint_at_most_the_newest_fires(
        truth in truth(),
        is_grafana in any::<bool>(),
        kept in prop::collection::vec(any::<bool>(), 12),
    ) {
        let said = said(&truth, is_grafana).into_iter().zip(&kept);
        let heard: Vec<Event> = said.filter(|(_, kept)| **kept).map(|(event, _)| event).collect();
        let last_end_heard = heard.iter().any(|event| matches!(event, Event::Notified(alert)
            if alert.ended.is_some() && alert.ended == truth.last().unwrap().1.map(|end| end * SECOND)));
        let history = history(heard);
        let open: Vec<i64> = history.of("f").iter().filter(|a| a.ended.is_none()).map(|a| a.started).collect();
        prop_assert!(open.len() <= 1);
        prop_assert!(!last_end_heard || open.is_empty());
        let newest = history.of("f").iter().map(|alert| alert.started).max();
        prop_assert!(open.first().is_none_or(|open| Some(*open) == newest));
        prop_assert!(history.of("f").iter().all(|a| a.ended.is_none_or(|end| end >= a.started)));
    }
}
