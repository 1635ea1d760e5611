//! Sixteen writers at once, undisturbed and while the service is killed: what was acknowledged is there.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use minitwit::db::{Db, PoolSizes};
use tokio::task::JoinSet;

use crate::service::{Place, message, post};

const WRITERS: usize = 16;
const WRITING: Duration = Duration::from_secs(30);
const KILLS: u64 = 20;

/// Many who write at the same time.
pub async fn many_writers(place: &Place) {
    let service = place.start();
    service.register("writer").await;
    let end = Instant::now() + WRITING;
    let (acknowledged, errors) = write(service.api, "w", move |_| Instant::now() < end).await;
    drop(service);
    place.row(&format!("errors of {WRITERS} writers in 30 s"), count(errors), "", 0.0);
    let lost = lost(place, &acknowledged).await;
    place.row(&format!("lost of {} acknowledged", acknowledged.len()), lost, "", 0.0);
}

/// The same on a service that is killed again and again.
pub async fn killed(place: &Place) {
    let mut acknowledged = HashSet::new();
    for round in 0..KILLS {
        let mut service = place.start();
        service.register("writer").await;
        let api = service.api;
        let writing = tokio::spawn(async move { write(api, &format!("k{round}"), |_| true).await });
        // Other moments each time: early, while busy, at a checkpoint.
        tokio::time::sleep(Duration::from_millis(50 + round * 137 % 900)).await;
        service.kill();
        acknowledged.extend(writing.await.unwrap().0);
    }
    let lost = lost(place, &acknowledged).await;
    let figure = format!("lost of {} acknowledged, {KILLS} times kill -9", acknowledged.len());
    place.row(&figure, lost, "", 0.0);
}

/// What of it the database does not hold exactly once.
async fn lost(place: &Place, acknowledged: &HashSet<String>) -> f64 {
    let sizes = PoolSizes { sqlite_readers: 1, postgres: 1 };
    let db = Db::open_existing(&place.url(), sizes).await.unwrap();
    let mut missing = acknowledged.clone();
    let mut after = 0;
    loop {
        let messages = db.dump_messages(after, 10_000).await.unwrap();
        let Some(last) = messages.last() else { break };
        after = last.id;
        for message in &messages {
            missing.remove(&message.text);
        }
    }
    db.close().await;
    count(missing.len())
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap())
}

/// Posts from many writers while `more`, or until nobody answers; what was acknowledged, and how many
/// answers were wrong.
async fn write(
    api: SocketAddr,
    name: &str,
    more: impl Fn(u32) -> bool + Copy + Send + Sync + 'static,
) -> (HashSet<String>, usize) {
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let name = format!("{name} {writer}");
        writers.spawn(async move {
            let (mut acknowledged, mut errors) = (Vec::new(), 0);
            for number in (0..).take_while(|number| more(*number)) {
                let text = format!("{name} {number}");
                match post(api, "/msgs/writer", &message(&text)).await {
                    Ok(answer) if answer.status == 204 => acknowledged.push(text),
                    Ok(_) => errors += 1,
                    Err(_) => {
                        errors += 1;
                        break;
                    }
                }
            }
            (acknowledged, errors)
        });
    }
    let mut all = (HashSet::new(), 0);
    while let Some(part) = writers.join_next().await {
        let (acknowledged, errors) = part.unwrap();
        all.0.extend(acknowledged);
        all.1 += errors;
    }
    all
}
