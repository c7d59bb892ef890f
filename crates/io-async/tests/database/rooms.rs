//! Rooms: what a subscriber may count on, whoever else speaks, listens or writes to the database.

use std::time::Duration;

use conformance::databases::Fresh;
use contract::rooms::KEPT;
use contract::{LastEventId, Limits, Message, MessageId, PathParam, RoomName, Saying};
use futures_util::future::join_all;
use io_async::rooms::{Heard, Subscription};
use io_async::{Rooms, Store};

use crate::store;

const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) async fn messages_are_numbered_and_the_latest_are_kept(fresh: Fresh) {
    let store = store(&fresh, Limits::default());
    for n in 1..=KEPT + 5 {
        assert_eq!(store.say(&room(), saying("x")).await.unwrap().id, MessageId(n));
    }
    assert_eq!(store.latest(&room()).await.unwrap(), MessageId(KEPT + 5));
    let kept = store.messages(&room(), MessageId(0), 10_000).await.unwrap();
    assert_eq!(kept.len(), KEPT as usize);
    // The gap tells one who was away for too long what it missed.
    assert_eq!(kept[0].id, MessageId(6));
    let mut late = rooms(&store).subscribe(room(), last(2)).await.unwrap();
    assert_eq!(ids(&mut late, KEPT as usize).await, (6..=KEPT + 5).collect::<Vec<_>>());
}

pub(crate) async fn what_another_process_keeps_is_passed_on(fresh: Fresh) {
    let (here, there) = (store(&fresh, Limits::default()), store(&fresh, Limits::default()));
    let rooms = rooms(&here);
    let mut first = rooms.subscribe(room(), LastEventId(None)).await.unwrap();
    for n in 1..=3 {
        there.say(&room(), saying("from there")).await.unwrap();
        here.say(&room(), saying("from here")).await.unwrap();
        assert_eq!(ids(&mut first, 2).await, [2 * n - 1, 2 * n]);
    }
    drop(first);
    there.say(&room(), saying("nobody listens")).await.unwrap();
    let mut second = rooms.subscribe(room(), last(5)).await.unwrap();
    assert_eq!(ids(&mut second, 2).await, [6, 7]);
    assert!(matches!(second.next(Duration::from_millis(100)).await, Heard::Nothing));
}

/// Numbers from a sequence cannot promise it: there 8 may be seen before 7 is, and 7 is then behind nobody.
pub(crate) async fn whoever_asks_for_what_is_behind_a_message_misses_none_that_commits_later(
    fresh: Fresh,
) {
    const SPEAKERS: i64 = 6;
    const EACH: i64 = 40;
    // A slow disk makes them wait for each other, which is not what is asked here.
    let limits = Limits { database_acquire: PATIENCE, ..Limits::default() };
    let stores = [(); 2].map(|()| store(&fresh, limits.clone()));
    let speak = async |store: &Store| {
        for _ in 0..EACH {
            store.say(&room(), saying("x")).await.unwrap();
        }
    };
    let ask = async |store: &Store| {
        let mut seen: Vec<Message> = Vec::new();
        while seen.len() < (SPEAKERS * EACH) as usize {
            let behind = seen.last().map_or(MessageId(0), |message| message.id);
            seen.extend(store.messages(&room(), behind, 7).await.unwrap());
        }
        seen
    };
    let speaking = join_all((0..SPEAKERS).map(|speaker| speak(&stores[speaker as usize % 2])));
    let (_, seen) = futures_util::future::join(speaking, ask(&stores[0])).await;
    let seen: Vec<i64> = seen.iter().map(|message| message.id.0).collect();
    assert_eq!(seen, (1..=SPEAKERS * EACH).collect::<Vec<_>>());
}

pub(crate) async fn one_that_is_too_far_behind_is_dropped_after_what_its_queue_holds(fresh: Fresh) {
    let store = store(&fresh, Limits::default());
    let limits = Limits { room_queue: 4, ..Limits::default() };
    let rooms = Rooms::new(store.clone(), &limits);
    let mut slow = rooms.subscribe(room(), LastEventId(None)).await.unwrap();
    let mut steady = rooms.subscribe(room(), LastEventId(None)).await.unwrap();
    for n in 1..=10 {
        store.say(&room(), saying("x")).await.unwrap();
        assert_eq!(ids(&mut steady, 1).await, [n]);
    }
    assert_eq!(ids(&mut slow, 4).await, [1, 2, 3, 4]);
    assert!(matches!(slow.next(PATIENCE).await, Heard::End));
    let mut back = rooms.subscribe(room(), last(4)).await.unwrap();
    assert_eq!(ids(&mut back, 6).await, [5, 6, 7, 8, 9, 10]);
}

/// So many events, by their ids.
async fn ids(subscription: &mut Subscription, count: usize) -> Vec<i64> {
    let mut ids = Vec::new();
    while ids.len() < count {
        let Heard::Event(event) = subscription.next(PATIENCE).await else {
            panic!("{} of {count} came: {ids:?}", ids.len())
        };
        let text = String::from_utf8(event.to_vec()).unwrap();
        let line = text.lines().next().unwrap().strip_prefix("id: ").unwrap();
        ids.push(line.parse().unwrap());
    }
    ids
}

fn rooms(store: &Store) -> Rooms {
    Rooms::new(store.clone(), &Limits::default())
}

fn room() -> RoomName {
    RoomName::parse("hall", &Limits::default()).unwrap()
}

fn saying(text: &str) -> Saying {
    Saying { text: text.to_owned() }
}

fn last(id: i64) -> LastEventId {
    LastEventId(Some(MessageId(id)))
}
