/// Where it begins, then each event, and a comment when there was none for too long.
fn heard(subscription: Subscription, ping: Duration) -> impl Stream<Item = Bytes> {
    let beginning = subscription.beginning();
    let events = unfold(subscription, move |mut subscription| async move {
        let event = match subscription.next(ping).await {
            Heard::Event(event) => event,
            Heard::Nothing => Bytes::from_static(PING.as_bytes()),
            Heard::End => return None,
        };
        Some((event, subscription))
    });
    once(async { beginning }).chain(events)
}
